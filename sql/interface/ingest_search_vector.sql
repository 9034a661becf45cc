create or replace function ingest.ingest_search(
  query_embedding vectors.vector, collection text default 'default', k int default 10, filter jsonb default '{}'
) returns table (uri text, title text, ordinal int, text text, score float8, metadata jsonb, revision_id bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp
  set hnsw.iterative_scan = 'strict_order' set hnsw.max_scan_tuples = '2147483647' set hnsw.scan_mem_multiplier = '100'
as $$
begin
  -- The settings above let an index scan go on until k live chunks that pass the filter are found.
  return query execute ingest.ingest_search_statement(collection, vectors.vector_dims(query_embedding))
    using query_embedding, coalesce(filter, '{}'), k;
end
$$;

comment on function ingest.ingest_search(vectors.vector, text, int, jsonb) is
  'Vector search over live chunks by cosine distance, nearest first; score = 1 - distance. IG015 for wrong dimensions.';
