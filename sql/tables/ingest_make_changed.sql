create or replace function ingest.ingest_make_changed(p_table ingest.ingest_watched_tables) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Writers run it, so it must not fail, wait or cost much:
-- * What may fail or wait stands in a block of its own, which writes nothing: a subtransaction without an id is cheap, and
--   more than 64 with one in a transaction would slow everybody down. Its lock on ingest_changes stays, so the INSERT
--   behind it does not wait.
-- * What is missed is counted by a sequence: that outlives whatever is rolled back, and waits for nobody.
-- * A full join can't be done by nested loops: its plan, made for one row, does for 100,000, too.
-- * Nothing is rung: that would take the idle lock for as long as the writer's transaction lasts, and keep PREPARE
--   TRANSACTION from working. Listeners look twice a second where a table is watched.
declare
  v_n int := p_table.number;
  v_watched text[] := p_table.key || array(
    select distinct c.name from unnest(p_table.columns || p_table.metadata || p_table.title) as c (name)
    where c.name is not null and c.name <> all (p_table.key) order by c.name);
  v_old text := (select string_agg(format('o.%I', c.name), ', ' order by c.place) from unnest(v_watched) with ordinality as c (name, place));
  v_new text := (select string_agg(format('n.%I', c.name), ', ' order by c.place) from unnest(v_watched) with ordinality as c (name, place));
  v_same text := (select string_agg(format('n.%1$I = o.%1$I', k.name), ' and ' order by k.place) from unnest(p_table.key) with ordinality as k (name, place));
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
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms'%2$s
as $changed$
declare
  v_keys text[];
begin
  begin
    if pg_sequence_last_value(%3$L::regclass) > ingest.ingest_most_changes() then
      perform nextval(%4$L::regclass);
      return null;
    end if;
    lock table ingest.ingest_changes in row exclusive mode;
    if tg_op = 'TRUNCATE' then
      perform nextval(%4$L::regclass);
      return null;
    elsif tg_level = 'ROW' then
      if tg_op = 'INSERT' then
        v_keys := array[%5$s];
      elsif tg_op = 'DELETE' then
        v_keys := array[%6$s];
      elsif record_image_ne(row(%7$s), row(%8$s)) then
        v_keys := array[%5$s, %6$s];
      else
        return null;
      end if;
    elsif tg_op = 'UPDATE' then
      v_keys := array(
        select coalesce(%9$s, %10$s) from old_rows o full join new_rows n on %11$s
        where record_image_ne(row(%12$s), row(%13$s)) limit 200001);
    elsif tg_op = 'INSERT' then
      v_keys := array(select %9$s from new_rows n limit 200001);
    else
      v_keys := array(select %10$s from old_rows o limit 200001);
    end if;
    if cardinality(v_keys) = 0 then
      return null;
    elsif cardinality(v_keys) > 200000 then
      perform nextval(%4$L::regclass);
      return null;
    end if;
    perform nextval(%3$L::regclass);
  exception when others then
    begin
      perform nextval(%4$L::regclass), setval(%3$L::regclass, ingest.ingest_most_changes() + 1);
    exception when others then
      null;  -- the watch is being taken away
    end;
    return null;
  end;
  if cardinality(v_keys) <= 1000 then
    insert into ingest.ingest_changes (watch, keys) values (%1$s, v_keys);
  else
    insert into ingest.ingest_changes (watch, keys)
    select %1$s, v_keys[s.start : s.start + 999] from generate_series(1, cardinality(v_keys), 1000) as s (start);
  end if;
  return null;
end
$changed$
$body$,
    v_n, v_settings, format('ingest.ingest_counted_%s', v_n), format('ingest.ingest_missed_%s', v_n),
    ingest.ingest_changed_key('new', p_table.key), ingest.ingest_changed_key('old', p_table.key),
    (select string_agg(format('old.%I', c.name), ', ' order by c.place) from unnest(v_watched) with ordinality as c (name, place)),
    (select string_agg(format('new.%I', c.name), ', ' order by c.place) from unnest(v_watched) with ordinality as c (name, place)),
    ingest.ingest_changed_key('n', p_table.key), ingest.ingest_changed_key('o', p_table.key), v_same, v_old, v_new);
end
$$;

comment on function ingest.ingest_make_changed(ingest.ingest_watched_tables) is
  'Makes the function that a watched table''s triggers run, ingest_changed_<number>: it notes keys of rows whose watched columns were written.';
