create type ingest.ingest_outcome_v2 as (
  revision bigint,
  error jsonb,
  seconds real
);

comment on type ingest.ingest_outcome_v2 is 'That a step is through with a revision, or why not, and how long it took.';
