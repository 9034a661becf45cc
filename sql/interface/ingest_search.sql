create or replace function ingest.ingest_search(
  query text, collection text default 'default', k int default 10, filter jsonb default '{}', by text default null,
  under text default null, per_document int default null, collections text[] default null, since timestamptz default null,
  min_similarity float8 default null, words_weight float8 default 1, vector_weight float8 default 1, rerank boolean default false
) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from ingest.ingest_search_as_caller(row(
    query, null, collections, collection, k, filter, by, null, under, per_document, since,
    min_similarity, words_weight, vector_weight, rerank)::ingest.ingest_wanted_v1);
end
$$;

comment on function ingest.ingest_search(
  text, text, int, jsonb, text, text, int, text[], timestamptz, float8, float8, float8, boolean) is
  'Searches live chunks, best first: by words, and by vector too if the query''s vector is known (ingest_embed_query). collections: several instead of one. '
  'filter: what their metadata must contain, or {"year": {"$gte": 2020}}; by: ''words'' or ''vector'' alone, ''both'' by default; under: only documents whose URIs begin with this; '
  'per_document: most chunks of each document; since: only documents changed then or later; min_similarity: smallest cosine of vector hits; '
  'words_weight, vector_weight: their weights; rerank: order by the scores of ingest_rerank. The rows are ingest_hit_v2; by says what found them. '
  'IG014 no such collection, IG035, IG040 not granted.';
