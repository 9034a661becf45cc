create or replace function ingest.ingest_renew_statistics(p_table oid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Samples hold values as they stood in rows. ANALYZE leaves those of an empty table: they are taken away where Postgres can (from 18 on).
declare
  v_is_empty boolean;
  v_column record;
begin
  execute format('select not exists (select from %s)', p_table::regclass) into v_is_empty;
  if not v_is_empty then
    execute format('analyze %s', p_table::regclass);
  elsif to_regprocedure('pg_catalog.pg_clear_attribute_stats(text,text,text,boolean)') is not null then
    for v_column in
      select n.nspname, c.relname, a.attname
      from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
      where c.oid = p_table and a.attnum > 0 and not a.attisdropped
    loop
      execute 'select pg_catalog.pg_clear_attribute_stats($1, $2, $3, false)' using v_column.nspname::text, v_column.relname::text, v_column.attname::text;
    end loop;
  end if;
end
$$;

comment on function ingest.ingest_renew_statistics(oid) is 'Has the planner sample a table anew: until then it may hold words that were deleted.';
