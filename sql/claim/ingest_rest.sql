create or replace function ingest.ingest_rest() returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Tries to become the listener that sleeps behind the doorbell. Never waits. It must be a statement of its own: the
-- claim that follows needs a snapshot that is younger than the lock, or it misses rows.
declare
  v_key bigint := ingest.ingest_lock_key('idle'::text);
begin
  if pg_try_advisory_lock(v_key) then
    return 'resting';
  end if;
  -- A shared lock is to be had beside silent inserters, but not beside a sleeping listener.
  if pg_try_advisory_lock_shared(v_key) then
    perform pg_advisory_unlock_shared(v_key);
    return 'inserters';
  end if;
  return 'listener';
end
$$;

comment on function ingest.ingest_rest() is
  'Takes the idle lock: ''resting'' if it did, otherwise who holds it: a sleeping ''listener'', or open ''inserters'' that stay silent.';
