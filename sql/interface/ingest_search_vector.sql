create or replace function ingest.ingest_search(
  query_embedding vectors.vector, collection text default 'default', k int default 10, filter jsonb default '{}',
  under text default null, per_document int default null
) returns setof ingest.ingest_hit_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from ingest.ingest_search_as_caller(null::text, query_embedding, collection, k, filter, null::text, null::text[], under, per_document);
end
$$;

comment on function ingest.ingest_search(vectors.vector, text, int, jsonb, text, int) is
  'Vector search over live chunks by cosine distance, nearest first; score = 1 - distance. IG015 for wrong dimensions, IG040 not granted.';
