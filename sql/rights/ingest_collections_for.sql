create or replace function ingest.ingest_collections_for(p_right text) returns text[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(distinct g.collection), '{}')
  from ingest.ingest_collection_grants g join pg_roles r on r.rolname = g.role
  where g.may = p_right and g.collection <> '' and pg_has_role(ingest.ingest_caller(), r.oid, 'usage');
$$;

comment on function ingest.ingest_collections_for(text) is 'The collections that the caller has a right on by name; not those that it has by a right on all.';
