create type ingest.ingest_unchanged_v2 as (
  revision bigint,
  read_seq bigint,
  hash bytea,
  version text,
  modified_at timestamptz
);

comment on type ingest.ingest_unchanged_v2 is
  'A document whose bytes, as they were read now, are live already. version, modified_at: what its source said of their state.';
