create or replace function ingest.ingest_drop_changed(p_number int) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms' set client_min_messages = warning
as $$
-- Dropping a trigger locks its table. While somebody writes there the function does nothing, which needs no lock, and a
-- listener drops it later (ingest_tend_tables).
begin
  execute format('drop function if exists ingest.ingest_changed_%s() cascade', p_number);
  execute format('drop sequence if exists ingest.ingest_counted_%1$s, ingest.ingest_missed_%1$s', p_number);
  return true;
exception when lock_not_available or deadlock_detected then
  execute format('create or replace function ingest.ingest_changed_%s() returns trigger language plpgsql '
                 'security definer set search_path = pg_catalog, pg_temp as %L', p_number, 'begin return null; end');
  return false;
end
$$;

comment on function ingest.ingest_drop_changed(int) is
  'Drops a watch''s trigger function with the triggers; where one of the tables is in use, makes it do nothing, and returns false.';
