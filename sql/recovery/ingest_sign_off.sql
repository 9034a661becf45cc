create or replace function ingest.ingest_sign_off(p_executor text) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  delete from ingest.ingest_listeners l where l.executor_id = p_executor;
$$;

comment on function ingest.ingest_sign_off(text) is 'Strikes out a listener that stops: what it leaves unfinished is free for others at once.';
