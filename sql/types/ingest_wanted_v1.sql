create type ingest.ingest_wanted_v1 as (
  query text,
  embedding vectors.vector,
  collections text[],
  collection text,
  k int,
  filter jsonb,
  way text,
  principals text[],
  under text,
  per_document int,
  since timestamptz,
  min_similarity float8,
  words_weight float8,
  vector_weight float8,
  rerank boolean
);

comment on type ingest.ingest_wanted_v1 is
  'What a search is to find; way: ''words'', ''vector'', or null for both. As it is asked for, embedding and principals are those that were given, and collections all that are searched. '
  'For the search of one of them, collection is that one, embedding the query''s vector in its space (null: not known), and principals those that may find (null: everybody).';
