create or replace function ingest.ingest_table_triggers(p_watch text) returns setof text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- Writes through a partitioned table run its triggers, writes to a partition those of the partition.
-- Rows that replication applies run row triggers only, and only those that are enabled for it.
declare
  v_table ingest.ingest_watched_tables;
  v_one oid;
  v_owns boolean;
begin
  select t.* into v_table from ingest.ingest_watched_tables t join ingest.ingest_watch_store w on w.name = t.watch
  where t.watch = p_watch and w.created_by = ingest.ingest_caller()::text;
  select pg_has_role(ingest.ingest_caller(), c.relowner, 'usage') into v_owns from pg_class c where c.oid = v_table.relation;
  foreach v_one in array array[v_table.relation] || v_table.parts loop
    return query
      select format('create trigger ingest_watch_%s_%s after %s on %s%s for each statement execute function ingest.ingest_changed_%s()',
                    v_table.number, e.name, e.name, v_one::regclass, e.tables, v_table.number)
      from (values ('insert', ' referencing new table as new_rows'), ('update', ' referencing old table as old_rows new table as new_rows'),
                   ('delete', ' referencing old table as old_rows'), ('truncate', '')) as e (name, tables);
    if v_owns then
      return next format('alter table %s enable always trigger ingest_watch_%s_truncate', v_one::regclass, v_table.number);
    end if;
  end loop;
  if v_owns then
    return next format('create trigger ingest_watch_%s_replicated after insert or update or delete on %s for each row '
                       'execute function ingest.ingest_changed_%s()', v_table.number, v_table.relation::regclass, v_table.number);
    foreach v_one in array array[v_table.relation] || v_table.parts loop
      return next format('alter table %s enable replica trigger ingest_watch_%s_replicated', v_one::regclass, v_table.number);
    end loop;
  end if;
end
$$;

comment on function ingest.ingest_table_triggers(text) is
  'The statements that make a watch''s triggers, to be run by its maker: as the table''s owner he enables those for replicated rows, too.';
