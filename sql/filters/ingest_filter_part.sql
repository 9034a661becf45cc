create or replace function ingest.ingest_filter_part(p_filter jsonb, p_path text[]) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
-- Values without operators are contained, as @> has it; operators are jsonpaths, whose keys and values JSON quotes. A GIN index on
-- metadata (jsonb_path_ops) serves both, as far as something is to be equal.
declare
  v_key text;
  v_value jsonb;
  v_plain jsonb := '{}';
  v_parts text[] := '{}';
begin
  if not ingest.ingest_filter_operates(p_filter) then
    return ingest.ingest_filter_contained(p_filter, p_path);
  elsif jsonb_typeof(p_filter) <> 'object' then
    perform ingest.ingest_refuse_filter('an operator stands in a list'::text, 'Write {"$or": [{"year": {"$gte": 2020}}, …]}, or a list of plain values.'::text);
  end if;
  for v_key, v_value in select e.key, e.value from jsonb_each(p_filter) e loop
    if not starts_with(v_key, '$') and not ingest.ingest_filter_operates(v_value) then
      v_plain := v_plain || jsonb_build_object(v_key, v_value);
    elsif not starts_with(v_key, '$') then
      v_parts := v_parts || ingest.ingest_filter_part(v_value, p_path || v_key);
    elsif v_key = '$not' then
      v_parts := v_parts || format('(%s) is not true', ingest.ingest_filter_part(v_value, p_path));
    elsif v_key in ('$and', '$or') then
      v_parts := v_parts || ingest.ingest_filter_alternatives(v_key, v_value, p_path);
    else
      v_parts := v_parts || ingest.ingest_filter_comparison(v_key, v_value, p_path);
    end if;
  end loop;
  if v_plain <> '{}' then
    v_parts := v_parts || ingest.ingest_filter_contained(v_plain, p_path);
  end if;
  return array_to_string(v_parts, ' and ');
end
$$;

comment on function ingest.ingest_filter_part(jsonb, text[]) is
  'The part of a filter below these keys, as a condition on the metadata of chunks c. IG035 if it is invalid.';
