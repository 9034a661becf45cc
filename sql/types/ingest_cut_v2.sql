create type ingest.ingest_cut_v2 as (
  revision bigint,
  starts int[],
  ends int[],
  headings jsonb,
  error jsonb,
  leads int[]
);

comment on type ingest.ingest_cut_v2 is
  'The boundaries of a revision''s chunks, in characters of its text, with their headings; or an error. leads: as in ingest_revisions.';
