create or replace function ingest.ingest_ring() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- NOTIFY takes a lock of the whole database at commit, so we ring only when a listener sleeps: it holds this lock
-- exclusively then. Where the shared lock is granted, nobody sleeps, and none can fall asleep unseen before we end.
-- (The key is ingest_lock_key('idle'), written out: every inserter would pay for the call.)
begin
  if current_setting('ingest.silent', true) is distinct from 'on'
     and not pg_try_advisory_xact_lock_shared(hashtextextended('ingest:{schema}:idle'::text, 0::bigint)) then
    perform pg_notify(ingest.ingest_channel('doorbell'::text), '');
  end if;
  return null;
end
$$;

comment on function ingest.ingest_ring() is
  'Wakes a sleeping listener. SET LOCAL ingest.silent = on keeps it quiet, for PREPARE TRANSACTION: the safety poll finds the row.';
