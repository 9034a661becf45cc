create or replace function ingest.ingest_check_new_settings(p_name text, p_settings jsonb) returns void
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong record;
begin
  if (octet_length(p_name) between 1 and 48 and p_name !~ '[[:cntrl:]]' and btrim(p_name) <> '') is not true then
    raise exception 'a collection can''t be named "%"', left(p_name, 100)
      using errcode = 'IG016', constraint = 'wrong_collection_name', hint = 'A name has 1 to 48 bytes, not only spaces, and no control characters.';
  end if;
  if jsonb_typeof(p_settings) <> 'object' then
    raise exception 'the settings of collection "%" are a JSON %, not an object', p_name, jsonb_typeof(p_settings)
      using errcode = 'IG012', constraint = 'wrong_setting_value', hint = 'Write them like {"chunk_size": 600, "text_config": "german"}.';
  end if;
  select s.key, s.value, n.least, n.most into v_wrong
  from jsonb_each(p_settings) as s (key, value)
  left join (values ('chunk_size', 50, 20000), ('chunk_overlap', 0, 10000), ('max_running', 1, 2147483647), ('weight', 1, 100), ('index_from', 100, 2147483647), ('index_m', 2, 100),
                    ('index_ef_construction', 4, 1000), ('index_ef_search', 1, 1000),
                    ('dimensions', 1, 16000)) as n (name, least, most) on n.name = s.key
  where case
    when s.value = 'null' then false
    when s.key in ('monthly_texts', 'monthly_cost') then not ingest.ingest_is_cap(s.key, s.value)
    when s.key = 'indexed' then jsonb_typeof(s.value) <> 'boolean'
    when n.name is null then s.key in ('embedder', 'endpoint', 'model', 'embedding_template', 'passage_prefix', 'query_prefix', 'text_config', 'tenant')
                             and jsonb_typeof(s.value) <> 'string'
    -- A number in quotes is one, too.
    when s.value #>> '{}' ~ '^-?[0-9]{1,10}$' then (s.value #>> '{}')::bigint not between n.least and n.most
    else true end
  limit 1;
  if found then
    raise exception 'collection setting % is %', v_wrong.key, left(v_wrong.value::text, 100)
      using errcode = 'IG012', constraint = 'wrong_setting_value',
            hint = case when v_wrong.key = 'monthly_cost' then 'It takes an amount above 0 and at most 1e12, like 20 or 0.5.'
                        when v_wrong.key = 'monthly_texts' then 'It takes a whole number from 1 to 1e12.'
                        when v_wrong.key = 'indexed' then 'It is true or false.'
                        when v_wrong.least is null then 'It takes a string.'
                        else format('It takes a whole number from %s to %s.', v_wrong.least, v_wrong.most) end;
  end if;
end
$$;

comment on function ingest.ingest_check_new_settings(text, jsonb) is
  'Raises IG016 for a name, IG012 for a type or a number that no collection can have. Keys that are not known pass.';
