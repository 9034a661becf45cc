create or replace function ingest.ingest_citation(p_title text, p_metadata jsonb, p_uri text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
-- On one line, whatever a document contains: a title must not look like the beginning of another passage, nor turn what follows it around.
-- Not every collation counts the separators of lines among blanks.
declare
  v_marks constant text := E'[\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]';
  v_blanks constant text := E'[[:space:][:cntrl:]\\u0085\\u2028\\u2029]+';
  v_path text[] := ingest.ingest_heading_path(p_metadata);
  v_where text := p_uri || coalesce('#page=' || ingest.ingest_page(p_metadata), '');
  v_what text;
begin
  if v_path[1] = p_title then
    v_path := v_path[2:];
  end if;
  v_what := concat_ws(' › ', nullif(left(p_title, 200), ''), nullif(left(array_to_string(v_path, ' › '), 300), ''));
  v_what := case when v_what = '' then v_where else v_what || ' (' || v_where || ')' end;
  return btrim(regexp_replace(regexp_replace(v_what, v_marks, '', 'g'), v_blanks, ' ', 'g'));
end
$$;

comment on function ingest.ingest_citation(text, jsonb, text) is
  'Where a chunk is, on one line: "title › heading › heading (uri#page=3)".';
