create or replace function ingest.ingest_list_rows(p_watch text, p_after jsonb, p_most int) returns table (key text[], bytes bigint, has_text boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set row_security = off
  set DateStyle = 'ISO, YMD' set TimeZone = 'UTC' set IntervalStyle = postgres set extra_float_digits = 1 set bytea_output = hex
as $$
declare
  v_table ingest.ingest_watched_tables := ingest.ingest_check_table(p_watch);
  v_row record := ingest.ingest_row_expressions(v_table);
  v_after text;
begin
  select string_agg(format(n.name, format('($1 ->> %s)', n.place - 1)), ', ' order by n.place) into v_after
  from unnest(v_row.types) with ordinality as n (name, place);
  return query execute format(
    'select %s, (%s)::bigint, %s from %s t %s order by %s limit $2', v_row.key, v_row.bytes, v_row.has_text, v_table.relation::regclass,
    case when p_after is not null then format('where (%s) > (%s)', v_row.ordered, v_after) else '' end, v_row.ordered) using p_after, p_most;
end
$$;

comment on function ingest.ingest_list_rows(text, jsonb, int) is
  'A page of a watched table''s rows in the order of their keys, behind p_after (an array of texts; null: from the first on). IG061, IG062.';
