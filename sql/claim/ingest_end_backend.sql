create or replace function ingest.ingest_end_backend(p_backend int, p_session text) returns void
language sql set search_path = pg_catalog, pg_temp
as $$
  select pg_terminate_backend(a.pid) from pg_stat_activity a where a.pid = p_backend and a.application_name = left(p_session, 63);
$$;

comment on function ingest.ingest_end_backend(int, text) is
  'Ends a listener''s own backend of before, which may not have noticed that its connection was cut and still hold the idle lock.';
