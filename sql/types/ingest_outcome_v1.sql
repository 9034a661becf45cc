create type ingest.ingest_outcome_v1 as (
  revision bigint,
  error jsonb
);

comment on type ingest.ingest_outcome_v1 is 'That a step is through with a revision, or why not.';
