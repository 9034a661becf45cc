create or replace function ingest.ingest_ask_rerank(
  p_query text, p_collection text, p_k int, p_filter jsonb, p_by text, p_under text, p_per_document int, p_collections text[],
  p_since timestamptz, p_min_similarity float8, p_words_weight float8, p_vector_weight float8, p_principals text[], p_timeout interval
) returns bigint[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A caller may leave its transaction open: this adds rows of its own and waits for nobody, so nobody waits for it.
declare
  v_reranker text := ingest.ingest_reranker();
  v_until timestamptz := ingest.ingest_now() + least(greatest(coalesce(p_timeout, interval '30 seconds'), interval '0'), interval '1 hour');
  v_new record;
  v_question bigint;
  v_asked bigint[];
begin
  p_k := coalesce(p_k, ingest.ingest_most_reranked());
  if p_k > 1000 then
    raise exception 'a re-ranker reads 1000 chunks at most, not %', p_k
      using errcode = 'IG035', constraint = 'wrong_count', hint = 'k is the number of chunks of a search to score; the default is 50.';
  end if;
  perform ingest.ingest_check_query(p_query, p_collection, 0);
  for v_new in
    select h.collection, ingest.ingest_rerank_key(p_query, h.collection) as hash, array_agg(h.revision_id) as revisions,
           array_agg(h.ordinal) as ordinals
    from ingest.ingest_search_by_right(row(
      p_query, null, p_collections, p_collection, p_k, p_filter, p_by, p_principals, p_under,
      p_per_document, p_since, p_min_similarity, p_words_weight, p_vector_weight, false)::ingest.ingest_wanted_v1) h
    where not exists (
      select from ingest.ingest_rerank_scores s join ingest.ingest_rerankings r on r.hash = s.hash
      where s.hash = ingest.ingest_rerank_key(p_query, h.collection) and s.revision_id = h.revision_id and s.ordinal = h.ordinal
        and r.reranker = coalesce(v_reranker, r.reranker))
    group by h.collection
  loop
    perform ingest.ingest_check_reranks(v_reranker);
    perform ingest.ingest_check_open_queries();
    insert into ingest.ingest_rerank_questions (asked_by, collection, principals, reranker, hash, query, revisions, ordinals, wanted_until)
    values (ingest.ingest_caller(), v_new.collection, ingest.ingest_search_principals(v_new.collection, p_principals), v_reranker,
            v_new.hash, ingest.ingest_searchable(p_query), v_new.revisions, v_new.ordinals, v_until)
    returning id into v_question;
    v_asked := v_asked || v_question;
  end loop;
  if v_asked is not null then
    perform set_config('synchronous_commit', 'off', true);  -- of a cache; nobody need wait for the disk
    perform pg_notify(ingest.ingest_channel('reranks'::text), '');
  end if;
  return v_asked;
end
$$;

comment on function ingest.ingest_ask_rerank(
  text, text, int, jsonb, text, text, int, text[], timestamptz, float8, float8, float8, text[], interval) is
  'Asks a listener to have the chunks of a search scored that are not, a question for each collection; returns what ingest_await_rerank takes, null '
  'if all are. It waits an hour at most.';
