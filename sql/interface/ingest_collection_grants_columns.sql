comment on column ingest.ingest_collection_grants.role is 'A role of the database; its members have the right too if they inherit from it.';
comment on column ingest.ingest_collection_grants.may is
  'submit: insert requests. search: search and read documents. operate: see and control all requests, change the collection. gateway: search on behalf of named principals. listen: run a listener.';
comment on column ingest.ingest_collection_grants.collection is 'The collection; empty: all, including future ones.';
comment on column ingest.ingest_collection_grants.granted_by is 'The role that granted it.';
comment on column ingest.ingest_collection_grants.granted_at is 'When it was granted.';
