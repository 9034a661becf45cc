create type ingest.ingest_dropped_v1 as (
  revision bigint,
  read_seq bigint,
  hash bytea,
  reason jsonb
);

comment on type ingest.ingest_dropped_v1 is 'A document that an own step leaves out; hash: of its bytes; reason: what the step says, as warnings are.';
