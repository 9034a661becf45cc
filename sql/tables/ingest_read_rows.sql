create or replace function ingest.ingest_read_rows(p_watch text, p_keys jsonb)
returns table (place int, key text[], bytes bigint, has_text boolean, body jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set row_security = off
  set DateStyle = 'ISO, YMD' set TimeZone = 'UTC' set IntervalStyle = postgres set extra_float_digits = 1 set bytea_output = hex
as $$
declare
  v_table ingest.ingest_watched_tables := ingest.ingest_check_table(p_watch);
  v_row record := ingest.ingest_row_expressions(v_table);
  v_where text;
begin
  select string_agg(format('t.%I = %s', n.name, format(v_row.types[n.place], format('(k.key ->> %s)', n.place - 1))), ' and ') into v_where
  from unnest(v_table.key) with ordinality as n (name, place);
  -- Look-ups in the index of the key, whatever the planner thinks of the table.
  return query execute format(
    'select k.place::int, f.key, f.bytes::bigint, f.has_text, f.body
     from (select e.value -> 0 as key, (e.value ->> 1)::bigint as most, e.place from jsonb_array_elements($1) with ordinality as e (value, place)) k
     cross join lateral (
       select %s as key, %s as bytes, %s as has_text, case when %s <= k.most then %s end as body from %s t where %s offset 0) f',
    v_row.key, v_row.bytes, v_row.has_text, v_row.bytes, v_row.body, v_table.relation::regclass, v_where) using p_keys;
exception when data_exception then
  raise exception 'the key of % has another type than when watch "%" was created: %', v_table.named, p_watch, sqlerrm
    using errcode = 'IG062', constraint = 'column_gone', hint = format('select ingest_unwatch(%L), and watch the table again.', p_watch);
end
$$;

comment on function ingest.ingest_read_rows(text, jsonb) is
  'Rows of a watched table as they are now. p_keys: an array of [key, most], a key an array of texts; of a row of more than most bytes, its '
  'size alone. IG061, IG062 as ingest_check_table.';
