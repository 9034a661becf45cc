create or replace function ingest.ingest_offer_reranker(p_executor text, p_reranker text) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_listeners l set reranker = p_reranker where l.executor_id = p_executor;
$$;

comment on function ingest.ingest_offer_reranker(text, text) is 'Says what a listener has chunks scored by.';
