create or replace function ingest.ingest_end_sessions(p_executor text) returns bigint
language sql set search_path = pg_catalog, pg_temp
as $$
  -- As the caller, not as the owner: a role may end its own sessions.
  select count(pg_terminate_backend(a.pid)) from pg_stat_activity a
  where a.application_name = left('ingest ' || p_executor, 63) and a.usename = current_user and a.datname = current_database();
$$;

comment on function ingest.ingest_end_sessions(text) is
  'Ends the database sessions of a listener that was declared dead: one that hangs in a transaction would hold its locks.';
