create or replace function ingest.ingest_ask_rerank(
  p_query text, p_collection text, p_k int, p_filter jsonb, p_by text, p_under text, p_per_document int, p_principals text[], p_timeout interval
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Whoever calls this may leave its transaction open: it adds a row of its own and waits for nobody, so nobody waits for it.
declare
  v_principals text[];
  v_hash bytea;
  v_reranker text := ingest.ingest_reranker();
  v_revisions bigint[];
  v_ordinals int[];
  v_question bigint;
begin
  p_collection := coalesce(p_collection, 'default');
  p_k := coalesce(p_k, 50);
  if p_k > 1000 then
    raise exception 'a re-ranker reads 1000 chunks at most, not %', p_k
      using errcode = 'IG035', constraint = 'wrong_count', hint = 'k: how many chunks of a search are read; 50 is the default.';
  end if;
  v_principals := ingest.ingest_search_principals(p_collection, p_principals);
  perform ingest.ingest_check_query(p_query, p_collection, 0);
  v_hash := ingest.ingest_rerank_key(p_query, p_collection);
  select array_agg(h.revision_id), array_agg(h.ordinal) into v_revisions, v_ordinals
  from ingest.ingest_search_by_right(
    p_query, null::vectors.vector, p_collection, p_k, p_filter, p_by, p_principals, p_under, p_per_document) h
  where not exists (
    select from ingest.ingest_rerank_scores s join ingest.ingest_rerankings r on r.hash = s.hash
    where s.hash = v_hash and s.revision_id = h.revision_id and s.ordinal = h.ordinal and r.reranker = coalesce(v_reranker, r.reranker));
  if v_revisions is null then
    return null;
  end if;
  perform ingest.ingest_check_reranks(v_reranker);
  perform ingest.ingest_check_open_queries();
  perform set_config('synchronous_commit', 'off', true);  -- of a cache; nobody need wait for the disk
  insert into ingest.ingest_rerank_questions (asked_by, collection, principals, reranker, hash, query, revisions, ordinals, wanted_until)
  values (ingest.ingest_caller(), p_collection, v_principals, v_reranker, v_hash, ingest.ingest_searchable(p_query), v_revisions, v_ordinals,
          ingest.ingest_now() + least(greatest(coalesce(p_timeout, interval '30 seconds'), interval '0'), interval '1 hour'))
  returning id into v_question;
  perform pg_notify(ingest.ingest_channel('reranks'::text), '');
  return v_question;
end
$$;

comment on function ingest.ingest_ask_rerank(text, text, int, jsonb, text, text, int, text[], interval) is
  'Asks a listener to have the chunks of a search scored that are not; returns what ingest_await_rerank takes, null if all are. It waits an hour at most.';
