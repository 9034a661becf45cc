create or replace function ingest.ingest_check_watchable(p_relation oid, p_named text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_class pg_class;
  v_what text;
begin
  select c.* into v_class from pg_class c where c.oid = p_relation;
  v_what := case
    when v_class.relkind = 'v' then 'is a view' when v_class.relkind = 'm' then 'is a materialized view'
    when v_class.relkind = 'f' then 'is a foreign table' when v_class.relkind not in ('r', 'p') then 'is no table'
    when v_class.relpersistence = 't' then 'is a temporary table'
    when v_class.relpersistence = 'u' then 'is unlogged, and a crash would empty it unseen'
    when v_class.relispartition then 'is a partition'
    when v_class.relkind = 'r' and exists (select from pg_inherits i where i.inhparent = p_relation) then 'has tables that inherit from it'
    when v_class.relnamespace = 'pg_catalog'::regnamespace or v_class.relname like E'ingest\\_%' and v_class.relnamespace = (
      select o.relnamespace from pg_class o where o.oid = 'ingest.ingest_requests'::regclass) then 'is a table of the system''s own' end;
  if v_what is not null then
    raise exception '% %: it can''t be watched', p_named, v_what
      using errcode = 'IG060', constraint = 'not_watchable',
            hint = case v_class.relkind
              when 'v' then 'Watch the tables that it reads, or fill a table from it.' when 'm' then 'Watch the tables that it is made of, or fill a table instead.'
              else 'Ordinary and partitioned tables can be watched; of partitions, the table that they are parts of.' end;
  end if;
end
$$;

comment on function ingest.ingest_check_watchable(oid, text) is 'Raises IG060 for what has no rows of its own that triggers could follow: views, foreign and temporary tables, partitions.';
