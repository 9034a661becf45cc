create or replace function ingest.ingest_filter_condition(p_filter jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
-- Each key is tested for each chunk that is looked at: thousands of them would take seconds.
begin
  if octet_length(p_filter::text) > 100000 or p_filter @? 'strict $.**{30}'
     or (select count(*) from jsonb_path_query(p_filter, 'strict $.** ? (@.type() == "object").keyvalue()'::jsonpath)) > 1000 then
    perform ingest.ingest_refuse_filter('it is too long or too deep'::text,
      'It may have 100,000 bytes and 1,000 keys and operators, in 30 levels. For one of many values there is {"id": {"$in": [1, 2, …]}}.'::text);
  end if;
  return ingest.ingest_filter_part(p_filter, '{}'::text[]);
end
$$;

comment on function ingest.ingest_filter_condition(jsonb) is
  'A filter as a condition on the metadata of chunks c. IG035 if it is invalid.';
