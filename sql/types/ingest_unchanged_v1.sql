create type ingest.ingest_unchanged_v1 as (
  revision bigint,
  read_seq bigint,
  hash bytea
);

comment on type ingest.ingest_unchanged_v1 is 'A document whose bytes, as they were read now, are live already.';
