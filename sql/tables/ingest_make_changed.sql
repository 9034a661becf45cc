create or replace function ingest.ingest_make_changed(p_table ingest.ingest_watched_tables) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Writers run it, so it must not fail, wait or cost much:
-- * What may fail stands in a block of its own, which writes nothing: a subtransaction without an id is cheap, and more
--   than 64 with one in a transaction would slow everybody down. Its lock on ingest_changes stays, so the INSERT behind it
--   does not wait; where the lock is not to be had at once, the change is missed.
-- * What is missed is counted by a sequence: that outlives whatever is rolled back, and waits for nobody.
-- * Most statements write one row: then nothing is joined. A full join can't be done by nested loops: its plan, made for two
--   rows, does for 100,000, too.
-- * Of a hundred statements one is counted, by a hundred: no more than about ingest_most_changes() wait.
-- * Nothing is rung: that would take the idle lock for as long as the writer's transaction lasts, and keep PREPARE
--   TRANSACTION from working. Listeners look twice a second where a table is watched.
declare
  v_n int := p_table.number;
  v_watched text[] := p_table.key || array(
    select distinct c.name from unnest(p_table.columns || p_table.metadata || p_table.title) as c (name)
    where c.name is not null and c.name <> all (p_table.key) order by c.name);
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
language plpgsql security definer set search_path = pg_catalog, pg_temp%2$s
as $changed$
declare
  v_keys text[];
  v_memory text;
begin
  begin
    if pg_sequence_last_value(%3$L::regclass) > ingest.ingest_most_changes() then
      perform nextval(%4$L::regclass);
      return null;
    end if;
    lock table ingest.ingest_changes in row exclusive mode nowait;
    if tg_op = 'TRUNCATE' then
      perform nextval(%4$L::regclass);
      return null;
    elsif tg_level = 'ROW' then
      if tg_op = 'INSERT' then
        v_keys := array[%5$s];
      elsif tg_op = 'DELETE' then
        v_keys := array[%6$s];
      elsif %7$s then
        v_keys := array[%5$s, %6$s];
      end if;
    elsif tg_op = 'INSERT' then
      v_keys := array(select %8$s from new_rows n limit 200001);
    elsif tg_op = 'DELETE' then
      v_keys := array(select %9$s from old_rows o limit 200001);
    else
      -- In one expression: that is most of what single rows cost. Of more than one row it is {null}.
      v_keys := case when exists (select from new_rows offset 1) then '{null}'::text[] else (
        select array[%8$s, %9$s] from (select * from new_rows limit 1) n cross join (select * from old_rows limit 1) o where %10$s) end;
      if v_keys[1] is null and v_keys is not null then
        v_memory := current_setting('work_mem');
        perform set_config('work_mem', '64MB', true);
        v_keys := array(
          select coalesce(%8$s, %9$s) from old_rows o full join new_rows n on %11$s where %10$s limit 200001);
        perform set_config('work_mem', v_memory, true);
      end if;
    end if;
    if v_keys is null or v_keys = '{}' then
      return null;
    elsif cardinality(v_keys) > 200000 then
      perform nextval(%4$L::regclass);
      return null;
    end if;
    if random() < 0.01 then
      perform nextval(%3$L::regclass);
    end if;
  exception when others then
    begin
      perform nextval(%4$L::regclass);
    exception when others then
      null;  -- the watch is being taken away
    end;
    return null;
  end;
  insert into ingest.ingest_changes (watch, keys) values (%1$s, v_keys);
  return null;
end
$changed$
$body$,
    v_n, v_settings, format('ingest.ingest_counted_%s', v_n), format('ingest.ingest_missed_%s', v_n),
    ingest.ingest_changed_key('new'::text, p_table.key), ingest.ingest_changed_key('old'::text, p_table.key),
    ingest.ingest_differ(p_table.relation, v_watched, 'old'::text, 'new'::text),
    ingest.ingest_changed_key('n'::text, p_table.key), ingest.ingest_changed_key('o'::text, p_table.key),
    ingest.ingest_differ(p_table.relation, v_watched, 'o'::text, 'n'::text), v_same);
end
$$;

comment on function ingest.ingest_make_changed(ingest.ingest_watched_tables) is
  'Makes the function that a watched table''s triggers run, ingest_changed_<number>: it notes keys of rows whose watched columns were written.';
