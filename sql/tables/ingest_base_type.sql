create or replace function ingest.ingest_base_type(p_type oid) returns oid
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with recursive base as (
    select t.oid, t.typtype, t.typbasetype from pg_type t where t.oid = p_type
    union all
    select t.oid, t.typtype, t.typbasetype from base b join pg_type t on t.oid = b.typbasetype where b.typtype = 'd')
  select b.oid from base b where b.typtype <> 'd';
$$;

comment on function ingest.ingest_base_type(oid) is 'The type that a domain is made of; any other one itself.';
