create or replace function ingest.ingest_await(p_question bigint, p_look int) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- One look; if it is too early, it ends some 2 ms later, in the end 50 ms. Everything that counts is in the caller's own row.
declare
  v_question ingest.ingest_questions;
begin
  select q.* into v_question from ingest.ingest_questions q where q.id = p_question and q.asked_by = ingest.ingest_caller();
  if not found or exists (select from ingest.ingest_queries q where q.space_id = v_question.space_id
                          and q.hash = v_question.hash and q.embedding is not null) then
    return true;  -- answers delete it
  end if;
  if v_question.error is null and (ingest.ingest_now() >= v_question.wanted_until
     or not exists (select from ingest.ingest_spaces s where s.id = v_question.space_id)) then
    raise exception 'no listener embedded the query in time'
      using errcode = 'IG032', constraint = 'query_not_answered',
            hint = 'The embedder may be slow, or the listeners are stopping: call again with a longer timeout. Meanwhile, ingest_search searches by words.';
  end if;
  perform ingest.ingest_wait_for_answer(v_question.error, 'queries'::text, p_look);
  return false;
end
$$;

comment on function ingest.ingest_await(bigint, int) is
  'Whether a question of the caller''s is answered; sleeps a moment if not. IG032 when its time is over, IG034 with the embedder''s code, '
  'message and hint. True for whatever is no question of the caller''s.';
