comment on column ingest.ingest_listeners.executor_id is 'Its name, as in ingest_requests.executor_id.';
comment on column ingest.ingest_listeners.host is 'The host on which it runs.';
comment on column ingest.ingest_listeners.pid is 'Its process id on that host.';
comment on column ingest.ingest_listeners.version is 'The program''s version.';
comment on column ingest.ingest_listeners.pipeline is 'Version of its steps; DBOS''s application version.';
comment on column ingest.ingest_listeners.roots is 'Folders of its host and prefixes of URLs below which it reads sources.';
comment on column ingest.ingest_listeners.queue is 'System: suffix of its queues'' names. Listeners with the same roots share queues.';
comment on column ingest.ingest_listeners.capacity is 'Places for long requests and batches (INGEST_CONCURRENCY).';
comment on column ingest.ingest_listeners.running is 'Places taken at the last heartbeat.';
comment on column ingest.ingest_listeners.lease is 'How long a heartbeat is believed.';
comment on column ingest.ingest_listeners.started_at is 'When it started.';
comment on column ingest.ingest_listeners.heartbeat_at is 'Last sign of life, by the database''s clock.';
comment on column ingest.ingest_listeners.dead_at is
  'When another listener declared it dead; it claims nothing from then on. Null: it is alive, or nobody has noticed yet.';
comment on column ingest.ingest_listeners.ocr is 'Languages in which it recognizes scanned pages. Null: it does not.';
comment on column ingest.ingest_listeners.max_document_bytes is 'The largest document that it accepts, in bytes.';
comment on column ingest.ingest_listeners.maintains is 'Whether it can build indexes, that is, has a connection of the owner''s. Null: not known yet.';
comment on column ingest.ingest_listeners.maintenance_error is 'Why it can''t build indexes. Null: no error.';
comment on column ingest.ingest_listeners.reranker is 'The re-ranker that it runs (INGEST_RERANKER). Null: none.';
