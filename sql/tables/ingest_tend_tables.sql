create or replace function ingest.ingest_tend_tables() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_one record;
  v_table ingest.ingest_watched_tables;
begin
  for v_one in
    select substring(p.proname from '[0-9]+$')::int as number
    from pg_proc p where p.pronamespace = (select c.relnamespace from pg_class c where c.oid = 'ingest.ingest_requests'::regclass)
      and p.proname ~ '^ingest_changed_[0-9]+$' and pg_has_role(current_user, p.proowner, 'usage')
      and not exists (select from ingest.ingest_watched_tables t where p.proname = 'ingest_changed_' || t.number)
  loop
    perform ingest.ingest_drop_changed(v_one.number);
  end loop;
  -- From a former release. Replacing a function locks nothing of the table's.
  for v_table in
    select t.* from ingest.ingest_watched_tables t
    where exists (select from pg_proc p where p.oid = to_regproc(format('ingest.ingest_changed_%s', t.number)) and p.prosrc not like '%Version 2: ingest_tend_tables%')
    for update of t skip locked
  loop
    perform ingest.ingest_make_changed(v_table);
  end loop;
  -- Writes to a partition before it became one, or bypassing its table.
  update ingest.ingest_watched_tables t set needs_back_fill = true, parts = ingest.ingest_parts(t.relation)
  where exists (select from pg_class c where c.oid = t.relation and c.relkind = 'p') and t.parts <> ingest.ingest_parts(t.relation);
  delete from ingest.ingest_changes c where not exists (select from ingest.ingest_watched_tables t where t.number = c.watch);
end
$$;

comment on function ingest.ingest_tend_tables() is
  'Drops trigger functions of removed watches, recreates those of a former release, and has all rows read again where partitions came or went. A listener calls it each minute.';
