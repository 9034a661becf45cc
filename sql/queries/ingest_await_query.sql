create or replace function ingest.ingest_await_query(p_space int, p_hash bytea, p_began timestamptz, p_timeout interval, p_look int)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- One look; if it is too early, it ends some 2 ms later, in the end 50 ms.
declare
  v_query ingest.ingest_queries;
begin
  select q.* into v_query from ingest.ingest_queries q where q.space_id = p_space and q.hash = p_hash;
  if v_query.embedding is not null then
    return true;
  end if;
  if v_query.error is not null then
    raise exception '%', v_query.error ->> 'message'
      using errcode = 'IG034', constraint = v_query.error ->> 'code', hint = v_query.error ->> 'hint';
  end if;
  if v_query.hash is null or ingest.ingest_now() >= p_began + p_timeout then
    raise exception 'no listener embedded the query within %', p_timeout
      using errcode = 'IG032', constraint = 'query_not_answered',
            hint = 'The embedder may be slow, or the listeners stop: call again, with a longer timeout. ingest_search finds by words meanwhile.';
  end if;
  -- About once a second: in case the listener that took it has died.
  if p_look % 20 = 0 then
    perform pg_notify(ingest.ingest_channel('queries'::text), '');
  end if;
  perform pg_sleep(least(0.002 * 1.2 ^ least(p_look, 20), 0.05));
  return false;
end
$$;

comment on function ingest.ingest_await_query(int, bytea, timestamptz, interval, int) is
  'Whether a query is embedded; sleeps a moment if not. IG032 when its time is over, IG034 with the embedder''s code, message and hint.';
