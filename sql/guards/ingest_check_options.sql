create or replace function ingest.ingest_check_options(p_options jsonb) returns void
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_key text;
  v_value jsonb;
  v_type text;
begin
  if p_options = '{}' then
    return;
  end if;
  if jsonb_typeof(p_options) <> 'object' then
    raise exception 'options is a JSON %, not an object', jsonb_typeof(p_options)
      using errcode = 'IG004', constraint = 'wrong_option_type', hint = 'Write it like {"include": "*.md"}.';
  end if;
  for v_key, v_value in select * from jsonb_each(p_options) loop
    select o.type into v_type from ingest.ingest_options() o where o.key = v_key;
    if v_type is null then
      raise exception 'option "%" is not known', v_key
        using errcode = 'IG003', constraint = 'unknown_option',
              hint = 'Known are: ' || (select string_agg(o.key, ', ' order by o.key) from ingest.ingest_options() o) || '.';
    end if;
    if position(jsonb_typeof(v_value) in v_type) = 0
       or (jsonb_typeof(v_value) = 'array' and jsonb_path_exists(v_value, '$[*] ? (@.type() != "string")')) then
      raise exception 'option "%" is a JSON %, and takes %', v_key, jsonb_typeof(v_value), v_type
        using errcode = 'IG004', constraint = 'wrong_option_type',
              hint = format('Write it like {"%s": %s}. See select * from ingest_options().', v_key, ingest.ingest_option_example(v_key, v_type));
    end if;
    if exists (select from jsonb_path_query(v_value, 'lax $[*] ? (@.type() == "string")') as s (one) where octet_length(s.one #>> '{}') > 1000)
       or (jsonb_typeof(v_value) = 'array' and jsonb_array_length(v_value) > 100) then
      raise exception 'option "%" is too long', v_key
        using errcode = 'IG004', constraint = 'option_too_long', hint = 'Give at most 100 strings of at most 1000 bytes.';
    end if;
    if jsonb_typeof(v_value) = 'number' and v_value::numeric not between 0.000001 and 1e12 then
      raise exception 'option "%" is %, and must be above 0 and at most 1e12', v_key, v_value
        using errcode = 'IG004', constraint = 'wrong_option_type', hint = 'See select * from ingest_options().';
    end if;
    if v_key = 'most_gone' and v_value::numeric > 1 then
      raise exception 'option "most_gone" is %, and must be a share up to 1', v_value
        using errcode = 'IG004', constraint = 'wrong_option_type', hint = 'See select * from ingest_options().';
    end if;
    if v_key = 'publish' and v_value #>> '{}' not in ('document', 'request') then
      raise exception 'option "publish" is %', v_value
        using errcode = 'IG004', constraint = 'wrong_option_type', hint = 'It takes "document" or "request".';
    end if;
    if v_key = 'max_texts' and v_value::numeric <> trunc(v_value::numeric) then
      raise exception 'option "max_texts" is %, and must be a whole number', v_value
        using errcode = 'IG004', constraint = 'wrong_option_type', hint = 'Write it like {"max_texts": 1000}.';
    end if;
    if v_key = 'planned' and (v_value #>> '{}') !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
      raise exception 'option "planned" is %, and must be the id of a plan', v_value
        using errcode = 'IG004', constraint = 'wrong_option_type', hint = 'Plan first: ingest plan SOURCE, or an INSERT with options {"plan": true}.';
    end if;
  end loop;
  perform ingest.ingest_check_record(p_options -> 'record');
  perform ingest.ingest_check_crawl(p_options -> 'crawl');
end
$$;

comment on function ingest.ingest_check_options(jsonb) is 'Raises IG003 or IG004 where a request''s options are wrong.';
