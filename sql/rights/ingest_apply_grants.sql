create or replace function ingest.ingest_apply_grants() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- What each kind of role may call and read; functions and policies check in which collections. Functions run as the
-- owner, so nobody may call one that is not meant for them.
declare
  v_schema oid := (select c.relnamespace from pg_class c where c.oid = 'ingest.ingest_requests'::regclass);
  v_owner oid := (select c.relowner from pg_class c where c.oid = 'ingest.ingest_requests'::regclass);
  v_one record;
begin
  for v_one in
    select p.oid::regprocedure as routine, p.proname as name from pg_proc p
    where p.pronamespace = v_schema and p.proowner = v_owner and p.proname like E'ingest\\_%'
  loop
    execute format('revoke all on routine %s from public', v_one.routine);
    if ingest.ingest_is_for(v_one.name, 'anybody'::text) then
      execute format('grant execute on routine %s to public', v_one.routine);
    end if;
  end loop;
  for v_one in
    select distinct r.rolname as role, g.may from ingest.ingest_collection_grants g join pg_roles r on r.rolname = g.role
    where r.oid <> v_owner order by 1, 2
  loop
    perform ingest.ingest_apply_right(v_one.role, v_one.may);
  end loop;
end
$$;

comment on function ingest.ingest_apply_grants() is
  'Gives every role the privileges that its rights need, and takes those of PUBLIC. A migration calls it; may be called at any time.';
