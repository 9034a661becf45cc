create type ingest.ingest_dropped_v2 as (
  revision bigint,
  read_seq bigint,
  hash bytea,
  reason jsonb,
  part text
);

comment on type ingest.ingest_dropped_v2 is
  'A document that an own step leaves out; hash: of its bytes; reason: what the step says, as warnings are; part: the URI of one inside of that revision''s.';
