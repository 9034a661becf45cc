create or replace function ingest.ingest_parts(p_relation oid) returns oid[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select array(
    select t.relid::oid from pg_partition_tree(p_relation::regclass) t join pg_class c on c.oid = t.relid
    where t.relid <> p_relation and c.relkind in ('r', 'p') order by 1);
$$;

comment on function ingest.ingest_parts(oid) is 'The partitions of a table, at all levels.';
