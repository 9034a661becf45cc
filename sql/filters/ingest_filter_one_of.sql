create or replace function ingest.ingest_filter_one_of(p_at text, p_values jsonb) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  -- A jsonpath compares with one value after the other, but an index may serve it; long lists are looked up by hash.
  select case
    when count(*) = 0 then 'false'
    when count(*) <= 100 then format('c.metadata @@ %L::jsonpath', string_agg(ingest.ingest_filter_equal(p_at, o.one), ' || '))
    else format('(exists (select from jsonb_path_query(c.metadata, %L::jsonpath) as v (one) where v.one = any (%L::jsonb[]))%s)',
      p_at || '[*]', array_agg(o.one), case when bool_or(o.one = 'null') then format(' or c.metadata @@ %L::jsonpath', '!exists(' || p_at || ')') end) end
  from jsonb_array_elements(p_values) o (one);
$$;

comment on function ingest.ingest_filter_one_of(text, jsonb) is
  'That one of these values is present, as a condition; null among them: a missing one counts as present, too.';
