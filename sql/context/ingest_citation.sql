create or replace function ingest.ingest_citation(p_title text, p_metadata jsonb, p_uri text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
-- On one line, whatever a document contains: a title must not look like the beginning of another passage.
declare
  v_path text[] := ingest.ingest_heading_path(p_metadata);
  v_where text := p_uri || coalesce('#page=' || ingest.ingest_page(p_metadata), '');
  v_what text;
begin
  if v_path[1] = p_title then
    v_path := v_path[2:];
  end if;
  v_what := concat_ws(' › ', nullif(left(p_title, 200), ''), nullif(left(array_to_string(v_path, ' › '), 300), ''));
  return btrim(regexp_replace(case when v_what = '' then v_where else v_what || ' (' || v_where || ')' end, '[[:space:][:cntrl:]]+', ' ', 'g'));
end
$$;

comment on function ingest.ingest_citation(text, jsonb, text) is
  'Where a chunk is, on one line: "title › heading › heading (uri#page=3)".';
