create or replace function ingest.ingest_filter_condition(p_filter jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
-- Each key is tested for each chunk that is looked at: thousands of them would take seconds.
declare
  v_keys bigint := (select count(*) from jsonb_path_query(p_filter, 'strict $.** ? (@.type() == "object").keyvalue()'::jsonpath));
begin
  if octet_length(p_filter::text) > 100000 or p_filter @? 'strict $.**{30}' then
    perform ingest.ingest_refuse_filter('it is too long or too deep'::text, 'It may have 100,000 bytes, in 30 levels.'::text);
  elsif v_keys > 1000 then
    perform ingest.ingest_refuse_filter(format('it has %s keys and operators', v_keys),
      'It may have 1,000. For one of many values there is $in: {"id": {"$in": [1, 2, 3]}}.'::text);
  end if;
  return ingest.ingest_filter_part(p_filter, '{}'::text[]);
end
$$;

comment on function ingest.ingest_filter_condition(jsonb) is
  'A filter as a condition on the metadata of chunks c. IG035 if it is invalid.';
