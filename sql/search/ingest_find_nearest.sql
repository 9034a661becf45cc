create or replace function ingest.ingest_find_nearest(
  p_embedding vectors.vector, p_collection text, p_k int, p_filter jsonb, p_principals text[]
) returns table (uri text, title text, ordinal int, text text, score float8, metadata jsonb, revision_id bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp
  set hnsw.iterative_scan = 'strict_order' set hnsw.max_scan_tuples = '2147483647' set hnsw.scan_mem_multiplier = '100'
as $$
begin
  -- The settings above let an index scan go on until k live chunks that pass the filter are found. A function of pgvector's, like
  -- vector_dims, could be made ambiguous by whoever may CREATE in its schema; a cast can't.
  return query execute ingest.ingest_nearest_statement(p_collection, cardinality(p_embedding::real[]), p_principals is not null)
    using p_embedding, coalesce(p_filter, '{}'), p_k, p_principals;
end
$$;

comment on function ingest.ingest_find_nearest(vectors.vector, text, int, jsonb, text[]) is
  'Vector search for a caller whose rights are known: of documents that these principals may find; null: of all.';
