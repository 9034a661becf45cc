create or replace function ingest.ingest_save_evaluation(
  p_collection text, p_judged text, p_queries int, p_way text, p_words_weight float8, p_vector_weight float8, p_reranked boolean, p_k int,
  p_hit_at_1 float8, p_hit_at_k float8, p_mrr float8, p_ndcg float8, p_recall float8
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_id bigint;
begin
  perform ingest.ingest_require('search'::text, p_collection);
  perform ingest.ingest_search_config(p_collection);
  insert into ingest.ingest_evaluations (
    collection, evaluated_at, evaluated_by, judged, queries, way, words_weight, vector_weight, reranked, k, hit_at_1, hit_at_k, mrr, ndcg, recall,
    space_id, chunk_size)
  select c.name, ingest.ingest_now(), ingest.ingest_caller(), p_judged, p_queries, p_way, p_words_weight, p_vector_weight, p_reranked, p_k,
         p_hit_at_1, p_hit_at_k, p_mrr, p_ndcg, p_recall, c.space_id, c.chunk_size
  from ingest.ingest_collections c where c.name = p_collection
  returning id into v_id;
  -- What another one is deleting is passed: nobody waits for somebody's open transaction.
  delete from ingest.ingest_evaluations e where e.id in (
    select o.id from ingest.ingest_evaluations o
    where o.collection = p_collection and o.evaluated_by = ingest.ingest_caller() and o.id <= (
      select n.id from ingest.ingest_evaluations n
      where n.collection = p_collection and n.evaluated_by = ingest.ingest_caller() order by n.id desc offset 300 limit 1)
    for update skip locked);
  return v_id;
end
$$;

comment on function ingest.ingest_save_evaluation(text, text, int, text, float8, float8, boolean, int, float8, float8, float8, float8, float8) is
  'Keeps what was measured of searches of a collection (ingest eval) in ingest_evaluations, and of what the caller keeps there the newest 300. '
  'IG014 no such collection, IG040 not granted.';
