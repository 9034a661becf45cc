create or replace function ingest.ingest_wake() returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select pg_advisory_unlock(ingest.ingest_lock_key('idle'::text));
$$;

comment on function ingest.ingest_wake() is 'Gives the idle lock up; the inverse of ingest_rest().';
