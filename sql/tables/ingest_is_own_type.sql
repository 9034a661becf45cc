create or replace function ingest.ingest_is_own_type(p_type oid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select b.oid < 16384 and b.typtype = 'b' from pg_type b where b.oid = ingest.ingest_base_type(p_type);
$$;

comment on function ingest.ingest_is_own_type(oid) is
  'Whether a type, or what a domain is made of, is Postgres''s own: others'' operators and casts, of enums too, are not run with the owner''s rights.';
