create or replace function ingest.ingest_make_changed(p_table ingest.ingest_watched_tables) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Writers run it, so it must not fail, wait or cost much:
-- * What may fail stands in blocks, which write nothing: a subtransaction without an id is cheap, and more than 64 with one in a
--   transaction would slow everybody down. The first one's locks stay, so nothing behind it waits; where the lock on
--   ingest_changes is not to be had at once, the change is missed.
-- * One row, of INSERT, UPDATE or DELETE, is read, compared and noted by one statement: starting each costs several microseconds.
--   It stands behind the block, which has asked for the columns that it names; whatever type these have by now, it can be planned.
--   That it noted nothing means that nothing was to be noted, or that there are more rows.
-- * Of more rows than one, the keys are collected in a block. A full join can't be done by nested loops: its plan, made for two rows,
--   does for 100,000, too.
-- * What is missed is counted by a sequence: that outlives whatever is rolled back, and waits for nobody.
-- * Of a hundred statements one is counted, by a hundred: no more than about ingest_most_changes() wait.
-- * Its search path is the writer's, since setting one costs as much as the lock: so each name and operator says its schema
--   (tests/sql/test_table_changes.py).
-- * Nothing is rung: that would take the idle lock for as long as the writer's transaction lasts, and keep PREPARE
--   TRANSACTION from working. Listeners look twice a second where a table is watched.
declare
  v_n int := p_table.number;
  v_watched text[] := p_table.key || array(
    select distinct c.name from unnest(p_table.columns || p_table.metadata || p_table.title) as c (name)
    where c.name is not null and c.name <> all (p_table.key) order by c.name);
  v_same text := (select string_agg(format('n.%1$I operator(pg_catalog.=) o.%1$I', k.name), ' and ' order by k.place)
                  from unnest(p_table.key) with ordinality as k (name, place));
  v_types text[] := array(
    select format_type(ingest.ingest_base_type(a.atttypid), null) from pg_attribute a
    where a.attrelid = p_table.relation and a.attname = any (p_table.key) and not a.attisdropped);
  v_settings text := '';
begin
  -- Text of other types is the same under all settings.
  if v_types && '{date,timestamp without time zone,timestamp with time zone,time without time zone,time with time zone}' then
    v_settings := v_settings || ' set DateStyle = ''ISO, YMD'' set TimeZone = ''UTC''';
  end if;
  if v_types && '{interval}' then
    v_settings := v_settings || ' set IntervalStyle = postgres';
  end if;
  if v_types && '{real,double precision}' then
    v_settings := v_settings || ' set extra_float_digits = 1';
  end if;
  if v_types && '{bytea}' then
    v_settings := v_settings || ' set bytea_output = hex';
  end if;
  execute format($body$
  create or replace function ingest.ingest_changed_%1$s() returns trigger
language plpgsql security definer%2$s
as $changed$
-- Version 2: ingest_tend_tables() makes functions of other versions anew.
declare
  v_keys pg_catalog.text[];
  v_memory pg_catalog.text;
begin
  begin
    if pg_catalog.pg_sequence_last_value(%3$L::pg_catalog.regclass) operator(pg_catalog.>) ingest.ingest_most_changes() or %12$s then
      perform pg_catalog.nextval(%4$L::pg_catalog.regclass);
      return null;
    end if;
    lock table ingest.ingest_changes in row exclusive mode nowait;
  exception when others then
    begin
      perform pg_catalog.nextval(%4$L::pg_catalog.regclass);
    exception when others then
      null;  -- the watch is being taken away
    end;
    return null;
  end;
  if tg_level operator(pg_catalog.=) 'STATEMENT' then
    if tg_op operator(pg_catalog.=) 'UPDATE' then
      insert into ingest.ingest_changes (watch, keys)
      select %1$s, array[%8$s, %9$s] from new_rows n cross join old_rows o
      where not exists (select from new_rows offset 1) and case when %13$s then %14$s else false end;
      if found then
        return null;
      end if;
      perform from new_rows offset 1;
      if not found then
        return null;
      end if;
    elsif tg_op operator(pg_catalog.=) 'INSERT' then
      insert into ingest.ingest_changes (watch, keys)
      select %1$s, array[%8$s] from new_rows n where not exists (select from new_rows offset 1) and %14$s;
      if found then
        return null;
      end if;
    elsif tg_op operator(pg_catalog.=) 'DELETE' then
      insert into ingest.ingest_changes (watch, keys)
      select %1$s, array[%9$s] from old_rows o where not exists (select from old_rows offset 1) and %14$s;
      if found then
        return null;
      end if;
    end if;
  end if;
  begin
    if tg_op operator(pg_catalog.=) 'TRUNCATE' then
      perform pg_catalog.nextval(%4$L::pg_catalog.regclass);
      return null;
    elsif tg_level operator(pg_catalog.=) 'ROW' then
      if tg_op operator(pg_catalog.=) 'INSERT' then
        v_keys := array[%5$s];
      elsif tg_op operator(pg_catalog.=) 'DELETE' then
        v_keys := array[%6$s];
      elsif %7$s then
        v_keys := array[%5$s, %6$s];
      end if;
    elsif tg_op operator(pg_catalog.=) 'INSERT' then
      v_keys := array(select %8$s from new_rows n limit 200001);
    elsif tg_op operator(pg_catalog.=) 'DELETE' then
      v_keys := array(select %9$s from old_rows o limit 200001);
    else
      v_memory := pg_catalog.current_setting('work_mem');
      perform pg_catalog.set_config('work_mem', '64MB', true);
      v_keys := array(
        select coalesce(%8$s, %9$s) from old_rows o full join new_rows n on %11$s where %10$s limit 200001);
      perform pg_catalog.set_config('work_mem', v_memory, true);
    end if;
    if v_keys is null or pg_catalog.cardinality(v_keys) operator(pg_catalog.=) 0 then
      return null;
    elsif pg_catalog.cardinality(v_keys) operator(pg_catalog.>) 200000 then
      perform pg_catalog.nextval(%4$L::pg_catalog.regclass);
      return null;
    end if;
    if pg_catalog.random() operator(pg_catalog.<) 0.01 then
      perform pg_catalog.nextval(%3$L::pg_catalog.regclass);
    end if;
  exception when others then
    begin
      perform pg_catalog.nextval(%4$L::pg_catalog.regclass);
    exception when others then
      null;
    end;
    return null;
  end;
  insert into ingest.ingest_changes (watch, keys) values (%1$s, v_keys);
  return null;
end
$changed$
$body$,
    v_n, v_settings, format('ingest.ingest_counted_%s', v_n), format('ingest.ingest_missed_%s', v_n),
    ingest.ingest_changed_key(p_table.relation, 'new'::text, p_table.key), ingest.ingest_changed_key(p_table.relation, 'old'::text, p_table.key),
    ingest.ingest_differ(p_table.relation, v_watched, 'old'::text, 'new'::text),
    ingest.ingest_changed_key(p_table.relation, 'n'::text, p_table.key), ingest.ingest_changed_key(p_table.relation, 'o'::text, p_table.key),
    ingest.ingest_differ(p_table.relation, v_watched, 'o'::text, 'n'::text), v_same,
    -- Fails for a column that is not there any more.
    (select string_agg(format('pg_catalog.has_column_privilege(tg_relid, %L, ''select'') is null', c.name), ' or ') from unnest(v_watched) as c (name)),
    (select format('pg_catalog.record_image_ne(row(%s), row(%s))', string_agg(format('o.%I', c.name), ', '), string_agg(format('n.%I', c.name), ', '))
     from unnest(v_watched) as c (name)),
    format('case when pg_catalog.random() operator(pg_catalog.<) 0.01 then pg_catalog.nextval(%L::pg_catalog.regclass) is not null else true end',
           format('ingest.ingest_counted_%s', v_n)));
end
$$;

comment on function ingest.ingest_make_changed(ingest.ingest_watched_tables) is
  'Makes the function that a watched table''s triggers run, ingest_changed_<number>: it notes keys of rows whose watched columns were written.';
