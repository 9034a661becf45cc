create or replace function ingest.ingest_revoke(p_role name, p_as text, p_collection text default null) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Privileges on tables stay: without the right, policies and functions let nothing through.
declare
  v_one record;
begin
  delete from ingest.ingest_collection_grants g
  where g.role = p_role and g.may = ingest.ingest_right_of(p_as) and g.collection = coalesce(p_collection, '');
  if not found then
    return false;
  end if;
  if p_as = 'listener' and exists (select from pg_roles r where r.rolname = p_role) then
    for v_one in
      select p.oid::regprocedure as routine from pg_proc p
      where p.pronamespace = (select c.relnamespace from pg_class c where c.oid = 'ingest.ingest_requests'::regclass)
        and p.proname like 'ingest\_%'
    loop
      execute format('revoke execute on routine %s from %I', v_one.routine, p_role);
    end loop;
    perform ingest.ingest_apply_grants();
  end if;
  return true;
end
$$;

comment on function ingest.ingest_revoke(name, text, text) is
  'Takes a right away that ingest_grant gave, as it was given: of one collection, or of all (null). False: it did not have it. For the owner.';
