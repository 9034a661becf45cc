create or replace function ingest_wake() returns void
language sql set search_path from current
as $$
  select pg_advisory_unlock(ingest_lock_key('idle'));
$$;

comment on function ingest_wake() is 'Gives the idle lock up; the inverse of ingest_rest().';
