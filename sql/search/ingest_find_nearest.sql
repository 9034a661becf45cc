create or replace function ingest.ingest_find_nearest(
  p_embedding vectors.vector, p_collection text, p_k int, p_filter jsonb, p_principals text[], p_under text, p_per_document int
) returns setof ingest.ingest_hit_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
  set hnsw.iterative_scan = 'strict_order' set hnsw.max_scan_tuples = '2147483647' set hnsw.scan_mem_multiplier = '100'
as $$
-- The settings above let an index scan go on until k live chunks that pass the filter are found. A function of pgvector's, like
-- vector_dims, could be made ambiguous by whoever may CREATE in its schema; a cast can't. Of a document so many: the index knows
-- no documents, so it is asked for more and more until there are enough, or 10,000 were looked at. (1 - score: what is no number comes last.)
declare
  v_nearest text := ingest.ingest_nearest_statement(p_collection, cardinality(p_embedding::real[]), p_principals is not null, p_under is not null);
  v_depth bigint := case when p_per_document is null then p_k else 20 + 4 * p_k::bigint end;
  v_seen bigint;
  v_hits ingest.ingest_hit_v1[];
begin
  loop
    execute format(
      'with nearest (uri, title, ordinal, text, score, metadata, revision_id) as materialized (%s), kept as (
         select n.*, row_number() over (partition by n.revision_id order by 1 - n.score, n.ordinal) as nth from nearest n)
       select (select count(*) from nearest), array(
         select (k.uri, k.title, k.ordinal, k.text, k.score, k.metadata, k.revision_id, ''vector'', null, rank() over (order by 1 - k.score)
                )::ingest.ingest_hit_v1
         from kept k where $6 is null or k.nth <= $6 order by 1 - k.score, k.uri, k.ordinal limit $7)', v_nearest)
      into v_seen, v_hits
      using p_embedding, coalesce(p_filter, '{}'), v_depth, p_principals, p_under, p_per_document, p_k;
    exit when p_per_document is null or p_k is null or v_seen < v_depth or cardinality(v_hits) >= p_k
              or v_depth >= greatest(10000, 100 * p_k::bigint);
    v_depth := 4 * v_depth;
  end loop;
  return query select * from unnest(v_hits);
end
$$;

comment on function ingest.ingest_find_nearest(vectors.vector, text, int, jsonb, text[], text, int) is
  'Vector search for a caller whose rights are known: of documents that these principals may find; null: of all.';
