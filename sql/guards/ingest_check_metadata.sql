create or replace function ingest.ingest_check_metadata(p_metadata jsonb) returns void
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(p_metadata) <> 'object' then
    raise exception 'metadata is a JSON %, not an object', jsonb_typeof(p_metadata)
      using errcode = 'IG004', constraint = 'wrong_metadata', hint = 'Write it like {"team": "support"}.';
  end if;
end
$$;

comment on function ingest.ingest_check_metadata(jsonb) is 'Raises IG004 where a request''s metadata are no JSON object.';
