create or replace function ingest.ingest_plain_path(p_path text) returns text
language plpgsql immutable strict set search_path = pg_catalog, pg_temp
as $$
declare
  v_path text := p_path;
  v_before text;
begin
  while v_path like '%/.%' and v_path is distinct from v_before loop
    v_before := v_path;
    v_path := regexp_replace(regexp_replace(v_path, E'/\\.(?=/|$)', '', 'g'), E'/(?!\\.\\.(?:/|$))[^/]+/\\.\\.(?=/|$)', '', 'g');
  end loop;
  return v_path;
end
$$;

comment on function ingest.ingest_plain_path(text) is 'A path without . and .., as it is written: links are not known here.';
