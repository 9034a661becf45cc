create or replace function ingest.ingest_may(p_right text, p_collection text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_is_owner() or exists (
    select from ingest.ingest_collection_grants g join pg_roles r on r.rolname = g.role
    where g.may = p_right and g.collection in ('', p_collection) and pg_has_role(ingest.ingest_caller(), r.oid, 'usage'));
$$;

comment on function ingest.ingest_may(text, text) is
  'Whether the caller may submit, search, operate … in a collection; of '''': in all of them, those to come too.';
