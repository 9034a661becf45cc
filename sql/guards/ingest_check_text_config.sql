create or replace function ingest.ingest_check_text_config(p_name text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_namespace oid;
begin
  begin
    select t.cfgnamespace into v_namespace from pg_ts_config t where t.oid = p_name::regconfig;
  exception when undefined_object or invalid_schema_name or invalid_name or syntax_error or feature_not_supported or numeric_value_out_of_range
              or invalid_text_representation then
    v_namespace := null;
  end;
  if p_name is not null and v_namespace is null then
    raise exception 'there is no text search configuration "%"', left(p_name, 100)
      using errcode = 'IG012', constraint = 'unknown_text_config',
            hint = 'Give a language like english or german, or simple (select cfgname from pg_ts_config); one of your own with its schema.';
  elsif pg_is_other_temp_schema(v_namespace) or v_namespace = pg_my_temp_schema() then
    raise exception 'text search configuration "%" is temporary', p_name
      using errcode = 'IG012', constraint = 'temporary_text_config', hint = 'Create it in a permanent schema.';
  end if;
end
$$;

comment on function ingest.ingest_check_text_config(text) is 'Raises IG012 if a text search configuration does not exist or is temporary.';
