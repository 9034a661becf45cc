comment on column ingest.ingest_limits.role is 'The submitter (ingest_requests.submitted_by).';
comment on column ingest.ingest_limits.max_pending is 'Most requests that may be pending. Null: no limit.';
comment on column ingest.ingest_limits.max_running is 'Most requests that run at a time. Null: no limit.';
comment on column ingest.ingest_limits.max_pending_bytes is
  'Most bytes of its pending requests: inline content, and metadata and options beyond the first 1,000 bytes. Null: no limit.';
comment on column ingest.ingest_limits.max_new_collections is 'Most collections that it may bring into being. Null: no limit.';
comment on column ingest.ingest_limits.min_priority is 'Lowest, that is most urgent, priority that it may give. Null: no limit.';
comment on column ingest.ingest_limits.max_document_bytes is 'System, row of the empty role: the largest inline document that a listener accepts, in bytes.';
comment on column ingest.ingest_limits.max_queries is 'Most queries that it may have open (ingest_embed_query).';
comment on column ingest.ingest_limits.weight is 'Turns that it gets for each turn of another submitter.';
