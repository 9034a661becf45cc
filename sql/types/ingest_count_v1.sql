create type ingest.ingest_count_v1 as (
  request_id uuid,
  chunks int,
  texts int,
  tokens bigint
);

comment on type ingest.ingest_count_v1 is 'Chunks that were stored for a request, texts that were sent for them, and tokens that these took.';
