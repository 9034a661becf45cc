create type ingest.ingest_hit_v2 as (
  uri text,
  title text,
  ordinal int,
  text text,
  score float8,
  metadata jsonb,
  revision_id bigint,
  by text,
  words_place int,
  vector_place int,
  collection text
);

comment on type ingest.ingest_hit_v2 is
  'A chunk that a search found. by: what found it, ''words'', ''vector'' or ''both''; ''words_no_vector'': words, since the query''s vector is not known; '
  '''reranked'': its place is a re-ranker''s. words_place, vector_place: its place among what each of them found, equals share one.';
