create or replace function ingest.ingest_purge(p_retention interval, p_limit int default 500) returns int
language sql set search_path = pg_catalog, pg_temp
as $$
  -- As the caller: operators may call what has this name, and only listeners what it calls.
  select ingest.ingest_purge_replaced(p_retention, p_limit);
$$;

comment on function ingest.ingest_purge(interval, int) is 'For listeners of the former release: ingest_purge_replaced.';
