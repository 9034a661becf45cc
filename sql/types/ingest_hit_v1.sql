create type ingest.ingest_hit_v1 as (
  uri text,
  title text,
  ordinal int,
  text text,
  score float8,
  metadata jsonb,
  revision_id bigint,
  by text,
  words_place int,
  vector_place int
);

comment on type ingest.ingest_hit_v1 is
  'A chunk that a search found. by: what found it, ''words'', ''vector'' or ''both''; its place among what each of them found, equals share one.';
