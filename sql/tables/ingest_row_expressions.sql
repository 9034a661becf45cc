create or replace function ingest.ingest_row_expressions(
  p_table ingest.ingest_watched_tables, out key text, out bytes text, out has_text text, out body text, out ordered text, out types text[]
) returns record
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_texts text := (select string_agg(ingest.ingest_row_text(p_table.relation, c.name), ', ' order by c.place)
                   from unnest(p_table.columns) with ordinality as c (name, place));
  v_names text := (select string_agg(quote_literal(c.name), ', ' order by c.place) from unnest(p_table.columns) with ordinality as c (name, place));
begin
  key := (select format('array[%s]', string_agg(ingest.ingest_key_text(p_table.relation, 't'::text, k.name), ', ' order by k.place))
          from unnest(p_table.key) with ordinality as k (name, place));
  ordered := (select string_agg(format('t.%I', k.name), ', ' order by k.place) from unnest(p_table.key) with ordinality as k (name, place));
  -- With -1 for the length: char(n) without one is char(1). An enum's value is looked for by its name, which needs no cast.
  types := array(
    select case when ingest.ingest_is_own_type(a.atttypid) then format('(%%s)::%s', b.base)
                else format('(select e from unnest(enum_range(null::%s)) as e where format(''%%%%s'', e) = %%s)', b.base) end
    from unnest(p_table.key) with ordinality as k (name, place)
    join pg_attribute a on a.attrelid = p_table.relation and a.attname = k.name and not a.attisdropped
    cross join lateral (select replace(format_type(ingest.ingest_base_type(a.atttypid), -1), '%', '%%') as base) b order by k.place);
  bytes := (select string_agg(format('coalesce(octet_length(%s), 0)', ingest.ingest_row_text(p_table.relation, c.name)), ' + ')
            from (select distinct u.name from unnest(p_table.columns || p_table.metadata || p_table.title) as u (name) where u.name is not null) c);
  has_text := format('concat(%s) ~ ''[^[:space:]]''', v_texts);
  body := format(
    'jsonb_build_object(''text'', jsonb_object(array[%s], array[%s]), ''title'', %s, ''metadata'', %s)', v_names, v_texts,
    coalesce(ingest.ingest_row_text(p_table.relation, p_table.title), 'null'),
    coalesce((select '(select jsonb_object_agg(m.name, m.value) from (values '
                     || string_agg(format('(%L, %s)', m.name, ingest.ingest_row_json(p_table.relation, m.name)), ', ')
                     || ') as m (name, value))'
              from unnest(p_table.metadata) as m (name)), '''{}''::jsonb'));
end
$$;

comment on function ingest.ingest_row_expressions(ingest.ingest_watched_tables) is
  'The expressions that read a row t of a watched table: key as text[], size, whether it has text, what a document is made of; its order; and, '
  'for format(), what makes a value of a key''s column of a text.';
