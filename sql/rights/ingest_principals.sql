create or replace function ingest.ingest_principals() returns text[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select array_agg(r.rolname::text) from pg_roles r where pg_has_role(ingest.ingest_caller(), r.oid, 'usage');
$$;

comment on function ingest.ingest_principals() is 'The roles that the caller is or inherits from: documents with principals are for one of these.';
