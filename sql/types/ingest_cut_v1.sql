create type ingest.ingest_cut_v1 as (
  revision bigint,
  starts int[],
  ends int[],
  headings jsonb,
  error jsonb
);

comment on type ingest.ingest_cut_v1 is 'The boundaries of a revision''s chunks, in characters of its text, with their headings; or an error.';
