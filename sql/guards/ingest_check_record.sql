create or replace function ingest.ingest_check_record(p_record jsonb) returns void
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
begin
  select key into v_wrong from jsonb_each(p_record)
  where case when key in ('text', 'metadata') then
          jsonb_typeof(value) not in ('string', 'array') or value in ('[]', '""')
          or (jsonb_typeof(value) = 'array' and jsonb_path_exists(value, '$[*] ? (@.type() != "string")'))
        when key in ('id', 'title') then jsonb_typeof(value) <> 'string' or value = '""'
        else true end
  limit 1;
  if v_wrong is not null or not p_record ? 'text' then
    raise exception 'option "record" %', case when v_wrong is null then 'names no text' else format('has a wrong "%s"', v_wrong) end
      using errcode = 'IG004', constraint = 'wrong_option_type',
            hint = 'Write it like {"text": "body", "id": "id", "title": "title", "metadata": ["author"]}: names of fields; '
                   'text and metadata may be arrays of names.';
  end if;
end
$$;

comment on function ingest.ingest_check_record(jsonb) is 'Raises IG004 where the option that says how to read records is wrong.';
