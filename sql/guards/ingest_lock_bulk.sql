create or replace function ingest.ingest_lock_bulk(p_role name) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A row, not an advisory lock: those anybody can hold. It is written, so that a transaction whose snapshot is older than what
-- the one before it inserted fails with 40001 instead of counting wrongly.
begin
  if exists (select from ingest.ingest_submitters s where s.role = p_role and s.bulk_by = pg_current_xact_id()) then
    return false;
  end if;
  insert into ingest.ingest_submitters (role, bulk_by) values (p_role, pg_current_xact_id())
  on conflict on constraint ingest_submitters_pkey do update set bulk_by = excluded.bulk_by;
  return true;
end
$$;

comment on function ingest.ingest_lock_bulk(name) is
  'Waits for other transactions of a submitter that insert much, until they end; false: this one has done so before.';
