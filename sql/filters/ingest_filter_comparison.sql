create or replace function ingest.ingest_filter_comparison(p_operator text, p_value jsonb, p_path text[]) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_at text := '$' || (select string_agg('.' || to_json(k.key), '' order by k.place) from unnest(p_path) with ordinality as k (key, place));
  v_type text := jsonb_typeof(p_value);
  v_test text;
begin
  if p_operator not in ('$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$in', '$nin', '$exists') then
    perform ingest.ingest_refuse_filter(format('there is no operator %s', left(p_operator, 50)),
      'There are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $and, $or and $not.'::text);
  elsif v_at is null then
    perform ingest.ingest_refuse_filter(format('%s belongs to no key', p_operator), format('Like: {"year": {"%s": …}}.', p_operator));
  elsif p_operator in ('$eq', '$ne') and v_type in ('object', 'array') then
    perform ingest.ingest_refuse_filter(format('%s takes no %s', p_operator, v_type), 'Write the value itself: {"tags": ["a", "b"]} finds what contains both.'::text);
  elsif p_operator in ('$gt', '$gte', '$lt', '$lte') and v_type not in ('number', 'string') then
    perform ingest.ingest_refuse_filter(format('%s takes a number or a string, not %s', p_operator, left(p_value::text, 50)), 'Like: {"year": {"$gte": 2020}}.'::text);
  elsif p_operator in ('$in', '$nin') and (v_type <> 'array' or p_value @? 'strict $[*] ? (@.type() == "object" || @.type() == "array")') then
    perform ingest.ingest_refuse_filter(format('%s takes a list of values', p_operator), 'Like: {"lang": {"$in": ["de", "en"]}}.'::text);
  elsif p_operator = '$exists' and v_type <> 'boolean' then
    perform ingest.ingest_refuse_filter(format('$exists takes true or false, not %s', left(p_value::text, 50)), 'Like: {"draft": {"$exists": false}}.'::text);
  end if;
  v_test := case
    when p_operator in ('$in', '$nin') then ingest.ingest_filter_one_of(v_at, p_value)
    else format('c.metadata @@ %L::jsonpath', case
      when p_operator = '$exists' then case when p_value = 'true' then '' else '!' end || format('exists(%s)', v_at)
      when p_operator in ('$eq', '$ne') then ingest.ingest_filter_equal(v_at, p_value)
      else format('%s %s %s', v_at, case p_operator when '$gt' then '>' when '$gte' then '>=' when '$lt' then '<' else '<=' end, p_value) end) end;
  return v_test || case when p_operator in ('$ne', '$nin') then ' is not true' else '' end;
end
$$;

comment on function ingest.ingest_filter_comparison(text, jsonb, text[]) is 'An operator on the value below these keys, as a condition. IG035 for an unknown one.';
