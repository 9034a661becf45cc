create or replace function ingest.ingest_changed_key(p_row text, p_key text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when cardinality(p_key) = 1 then format('%s.%I::text', p_row, p_key[1])
         else 'json_build_array(' || string_agg(format('%s.%I::text', p_row, k.name), ', ' order by k.place) || ')::text' end
  from unnest(p_key) with ordinality as k (name, place);
$$;

comment on function ingest.ingest_changed_key(text, text[]) is 'The expression that gives a row''s key as ingest_changes holds it.';
