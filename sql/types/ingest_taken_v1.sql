create type ingest.ingest_taken_v1 as (
  revision bigint,
  request_id uuid,
  uri text,
  media_type text,
  bytes bigint,
  read_seq bigint,
  live_hash bytea,
  live_bytes bigint,
  live_version text,
  live_modified_at timestamptz,
  max_bytes bigint,
  content text,
  metadata jsonb
);

comment on type ingest.ingest_taken_v1 is
  'A document of a shared batch: what ingest_to_load says of it, with its text and the metadata of its request.';
