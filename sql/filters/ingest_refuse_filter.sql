create or replace function ingest.ingest_refuse_filter(p_why text, p_hint text) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'invalid filter: %', p_why using errcode = 'IG035', constraint = 'wrong_filter', hint = p_hint;
end
$$;

comment on function ingest.ingest_refuse_filter(text, text) is 'Raises IG035 for an invalid filter.';
