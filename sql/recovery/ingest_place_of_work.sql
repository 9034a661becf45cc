create or replace function ingest.ingest_place_of_work() returns ingest.ingest_installation
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_here ingest.ingest_installation;
begin
  v_here.one := true;
  v_here.database_oid := (select d.oid from pg_database d where d.datname = current_database());
  v_here.relation_oid := 'ingest.ingest_installation'::regclass;
  begin
    v_here.timeline := case when pg_is_in_recovery() then 0 else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end;
  exception when others then
    v_here.timeline := 0;  -- a provider's storage that has no write-ahead log of this kind
  end;
  v_here.confirmed_at := ingest.ingest_now();
  v_here.confirmed_by := ingest.ingest_caller();
  if has_function_privilege('pg_catalog.pg_control_system()', 'execute') then
    v_here.system_identifier := (select c.system_identifier from pg_control_system() c);
  end if;
  return v_here;
end
$$;

comment on function ingest.ingest_place_of_work() is 'Where this database is: what ingest_installation remembers, as it is now.';
