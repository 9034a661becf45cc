comment on column ingest.ingest_containers.request_id is 'Its request.';
comment on column ingest.ingest_containers.container is 'Its number in the request.';
comment on column ingest.ingest_containers.path is 'System: same as locator; for listeners of the former release.';
comment on column ingest.ingest_containers.format is
  'How its records are read: their kind, and what the beginning of the file says about all of them (such as a CSV''s columns).';
comment on column ingest.ingest_containers.locator is 'Where the file lies. Null: the records are the request''s inline content.';
