create or replace function ingest.ingest_filter_contained(p_value jsonb, p_path text[]) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  for n in reverse cardinality(p_path) .. 1 loop
    p_value := jsonb_build_object(p_path[n], p_value);
  end loop;
  if jsonb_typeof(p_value) <> 'object' then
    perform ingest.ingest_refuse_filter('it is not a JSON object'::text, 'Like: {"lang": "de"}, or {"year": {"$gte": 2020}}.'::text);
  end if;
  return format('c.metadata @> %L::jsonb', p_value);
end
$$;

comment on function ingest.ingest_filter_contained(jsonb, text[]) is 'That metadata contain a value below these keys, as a condition.';
