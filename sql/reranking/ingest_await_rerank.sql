create or replace function ingest.ingest_await_rerank(p_questions bigint[], p_look int) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- One look; if it is too early, it ends some 2 ms later, in the end 50 ms. Everything that counts is in the caller's own rows.
declare
  v_question ingest.ingest_rerank_questions;
begin
  select q.* into v_question from ingest.ingest_rerank_questions q
  where q.id = any (p_questions) and q.asked_by = ingest.ingest_caller()
  order by q.error is null limit 1;
  if not found then
    return true;  -- answers delete it
  end if;
  if v_question.error is null and ingest.ingest_now() >= v_question.wanted_until then
    raise exception 'no listener scored the chunks in time'
      using errcode = 'IG032', constraint = 'rerank_not_answered',
            hint = 'The re-ranker may be slow, or the listeners are stopping: call again with a longer timeout or a smaller k.';
  end if;
  perform ingest.ingest_wait_for_answer(v_question.error, 'reranks'::text, p_look);
  return false;
end
$$;

comment on function ingest.ingest_await_rerank(bigint[], int) is
  'Whether questions of the caller''s to a re-ranker are answered; sleeps a moment if not. IG032 when their time is over, IG034 with the re-ranker''s '
  'code, message and hint. True for whatever is no question of the caller''s.';
