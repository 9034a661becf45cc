create type ingest.ingest_found_v1 as (
  position int,
  batch int,
  uri text,
  locator text,
  media_type text,
  bytes bigint,
  error jsonb,
  container int,
  range_start bigint,
  range_hash bytea,
  line int,
  version text,
  modified_at timestamptz
);

comment on type ingest.ingest_found_v1 is
  'A document that discovery found or had to refuse. version, modified_at: what its source says of its state.';
