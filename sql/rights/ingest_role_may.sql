create or replace function ingest.ingest_role_may(p_role text, p_right text, p_collection text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce((
    select pg_has_role(r.oid, current_user, 'usage') or exists (
      select from ingest.ingest_collection_grants g join pg_roles o on o.rolname = g.role
      where g.may = p_right and g.collection in ('', p_collection) and pg_has_role(r.oid, o.oid, 'usage'))
    from pg_roles r where r.rolname = p_role), false);
$$;

comment on function ingest.ingest_role_may(text, text, text) is 'Like ingest_may, for another role than the caller: the creator of a watch, who is not there when it runs.';
