create or replace function ingest.ingest_open_fence(p_text text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_line text[];
  v_open text[];
begin
  if strpos(p_text, '```') = 0 and strpos(p_text, '~~~') = 0 then
    return null;
  end if;
  for v_line in
    select regexp_matches(p_text, E'^([ \t>]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]+)*)(`{3,}|~{3,})([^\n]*)$', 'gn')
  loop
    if v_open is null then
      v_open := case when left(v_line[2], 1) = '~' or strpos(v_line[3], '`') = 0 then v_line end;
    elsif left(v_line[2], length(v_open[2])) = v_open[2] and btrim(v_line[3], E' \t\r') = '' then
      v_open := null;
    end if;
  end loop;
  -- Under an item, what closes it stands as far to the right.
  return regexp_replace(v_open[1], E'[^ \t>]', ' ', 'g') || v_open[2];
end
$$;

comment on function ingest.ingest_open_fence(text) is
  'The line that closes the fenced code block of Markdown that is open at a text''s end; null: none is.';
