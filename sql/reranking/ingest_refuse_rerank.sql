create or replace function ingest.ingest_refuse_rerank(p_question bigint, p_error jsonb) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select set_config('synchronous_commit', 'off', true);  -- of a cache; nobody need wait for the disk
  update ingest.ingest_rerank_questions q set error = p_error, query = '', claimed_until = null, wanted_until = ingest.ingest_now()
  where q.id = p_question;
$$;

comment on function ingest.ingest_refuse_rerank(bigint, jsonb) is 'Tells all who wait for a re-ranker''s scores why there are none.';
