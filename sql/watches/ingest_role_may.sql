create or replace function ingest.ingest_role_may(p_role name, p_right text, p_collection text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select pg_has_role(p_role, current_user, 'usage') or exists (
    select from ingest.ingest_collection_grants g join pg_roles r on r.rolname = g.role
    where g.may = p_right and g.collection in ('', p_collection) and pg_has_role(p_role, r.oid, 'usage'));
$$;

comment on function ingest.ingest_role_may(name, text, text) is 'As ingest_may, of a role that is not the caller: there has to be one of that name.';
