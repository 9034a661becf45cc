create or replace function ingest.ingest_check_table(p_watch text) returns ingest.ingest_watched_tables
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- Asked when a watch is made, and whenever it is about to read: rights, and tables, change.
declare
  v_table ingest.ingest_watched_tables;
  v_maker text;
  v_wrong text;
  v_class pg_class;
begin
  select t.* into v_table from ingest.ingest_watched_tables t where t.watch = p_watch;
  select w.created_by into v_maker from ingest.ingest_watch_store w where w.name = p_watch;
  if v_table.watch is null then
    raise exception 'there is no watch of a table "%"', left(p_watch, 200)
      using errcode = 'IG062', constraint = 'watch_gone', hint = 'It was removed: ingest_watch_table creates another one.';
  end if;
  select c.* into v_class from pg_class c where c.oid = v_table.relation;
  if v_class.oid is null then
    raise exception 'the table % of watch "%" was dropped', v_table.named, p_watch
      using errcode = 'IG062', constraint = 'table_gone',
            hint = ingest.ingest_table_gone_hint(p_watch);
  end if;
  select string_agg(distinct format('"%s"', c.name), ', ') into v_wrong
  from unnest(v_table.key || v_table.columns || v_table.metadata || v_table.title) as c (name)
  where c.name is not null and not exists (
    select from pg_attribute a where a.attrelid = v_table.relation and a.attname = c.name and a.attnum > 0 and not a.attisdropped);
  if v_wrong is not null then
    raise exception 'table % no longer has column %, which watch "%" reads', v_table.named, v_wrong, p_watch
      using errcode = 'IG062', constraint = 'column_gone',
            hint = format('Rename it back; or select ingest_unwatch(%L) and watch the table with its present columns.', p_watch);
  end if;
  perform ingest.ingest_check_key_casts(v_table.relation, v_table.named, v_table.key);
  if v_class.relrowsecurity and not exists (
       select from pg_roles r where r.rolname = v_maker
         and (r.rolsuper or r.rolbypassrls or (pg_has_role(r.oid, v_class.relowner, 'usage') and not v_class.relforcerowsecurity))) then
    raise exception 'table % has row security, which applies to role "%"', v_table.named, v_maker
      using errcode = 'IG061', constraint = 'watch_not_permitted',
            hint = 'Rows that a policy hides would look deleted. Let its owner, or a role with BYPASSRLS, create the watch; principals can say who finds a row.';
  end if;
  select string_agg(distinct format('"%s"', c.name), ', ') into v_wrong
  from unnest(v_table.key || v_table.columns || v_table.metadata || v_table.title) as c (name)
  where c.name is not null and not (
    exists (select from pg_roles r where r.rolname = v_maker) and has_column_privilege(v_maker::name, v_table.relation, c.name, 'SELECT'));
  if v_wrong is not null or not has_table_privilege(v_maker::name, v_table.relation, 'TRIGGER') then
    raise exception 'role "%" may not %', v_maker, case when v_wrong is null then 'create triggers on ' || v_table.named
                                                        else format('read %s of %s', v_wrong, v_table.named) end
      using errcode = 'IG061', constraint = 'watch_not_permitted',
            hint = format('As the table''s owner: grant select, trigger on %s to %I; or watch it yourself.', v_table.relation::regclass, v_maker);
  end if;
  if not ingest.ingest_role_may(v_maker, 'submit'::text, v_table.collection) then
    raise exception 'role "%" may not submit to collection "%", which watch "%" keeps in sync', v_maker, v_table.collection, p_watch
      using errcode = 'IG061', constraint = 'watch_not_permitted',
            hint = format('The owner of the schema can grant it: select ingest_grant(%L, ''submitter'', %L);', v_maker, v_table.collection);
  end if;
  -- Listeners read with the rights of our owner, who sees rows only where no policy is in between.
  select string_agg(distinct format('"%s"', c.name), ', ') into v_wrong
  from unnest(v_table.key || v_table.columns || v_table.metadata || v_table.title) as c (name)
  where c.name is not null and not (
    has_schema_privilege(v_class.relnamespace, 'USAGE') and has_column_privilege(v_table.relation, c.name, 'SELECT'));
  if v_wrong is not null or row_security_active(v_table.relation) then
    raise exception 'role "%", which owns the schema of ingest-listener, may not read all of %', current_user, v_table.named
      using errcode = 'IG061', constraint = 'watch_not_permitted',
            hint = case when v_wrong is null then format('Row security applies to it: alter role %I bypassrls;', current_user)
                        else format('As the table''s owner: grant usage on schema %s to %I; grant select on %s to %I;',
                                    v_class.relnamespace::regnamespace, current_user, v_table.relation::regclass, current_user) end;
  end if;
  return v_table;
end
$$;

comment on function ingest.ingest_check_table(text) is
  'What a watch reads, if its table and columns are there, and its maker may still read them and submit: IG061, IG062 if not.';
