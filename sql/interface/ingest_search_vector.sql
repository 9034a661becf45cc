create or replace function ingest.ingest_search(
  query_embedding vectors.vector, collection text default 'default', k int default 10, filter jsonb default '{}',
  under text default null, per_document int default null, collections text[] default null, since timestamptz default null,
  min_similarity float8 default null
) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from ingest.ingest_search_as_caller(row(
    null, query_embedding, collections, collection, k, filter, 'vector', null, under,
    per_document, since, min_similarity, null, null, null)::ingest.ingest_wanted_v1);
end
$$;

comment on function ingest.ingest_search(vectors.vector, text, int, jsonb, text, int, text[], timestamptz, float8) is
  'Searches live chunks by cosine distance, nearest first; score = 1 - distance. IG015 wrong dimensions, IG040 not granted.';
