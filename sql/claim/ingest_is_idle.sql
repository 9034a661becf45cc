create or replace function ingest.ingest_is_idle(p_backend int) returns boolean
language sql set search_path = pg_catalog, pg_temp
as $$
  select count(*) filter (where a.state is distinct from 'idle') = 0 from pg_stat_activity a where a.pid = p_backend;
$$;

comment on function ingest.ingest_is_idle(int) is 'Whether a backend works on no statement, or is gone.';
