create or replace function ingest.ingest_revoke(p_role name, p_as text, p_collection text default null) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- All privileges on objects of ours go, and those that the rights which are left need come back.
declare
  v_one record;
begin
  perform ingest.ingest_check_granted(ingest.ingest_right_of(p_as), p_collection);
  delete from ingest.ingest_collection_grants g
  where g.role = p_role and g.may = ingest.ingest_right_of(p_as) and g.collection = coalesce(p_collection, '');
  if not found then
    return false;
  end if;
  if not exists (select from pg_roles r where r.rolname = p_role) then
    return true;
  end if;
  for v_one in
    select case when o.is_routine then 'routine' else 'table' end as kind, o.name
    from (
      select true, p.oid::regprocedure::text, p.pronamespace, p.proowner, p.proname from pg_proc p
      union all
      select false, c.oid::regclass::text, c.relnamespace, c.relowner, c.relname from pg_class c where c.relkind in ('r', 'v')
    ) as o (is_routine, name, namespace, owner, called)
    join pg_class c on c.oid = 'ingest.ingest_requests'::regclass and (c.relnamespace, c.relowner) = (o.namespace, o.owner)
    where o.called like E'ingest\\_%'
  loop
    execute format('revoke all on %s %s from %I', v_one.kind, v_one.name, p_role);
  end loop;
  for v_one in select distinct g.may from ingest.ingest_collection_grants g where g.role = p_role order by g.may loop
    perform ingest.ingest_apply_right(p_role, v_one.may);
  end loop;
  perform ingest.ingest_make_chunks_view(c.name) from ingest.ingest_collections c
  where c.space_id is not null and exists (
    select from ingest.ingest_collection_grants g where g.role = p_role and g.may = 'search' and g.collection in ('', c.name))
  order by c.name;
  return true;
end
$$;

comment on function ingest.ingest_revoke(name, text, text) is
  'Revokes a right as ingest_grant gave it: for one collection, or for all (null). False: the role did not have it. For the owner.';
