create or replace function ingest.ingest_opening(p_before text, p_text text, p_overlap int, p_by_line boolean) returns int
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_item text := E'[ \t]*(?:[-*+]|[0-9]{1,9}[.)])[ \t]';
  v_line text := case when p_by_line then E'[ \t]*[^ \t\r\n]' else E'(?:[ \t]*(?:[|>#]|```|~~~)|' || v_item || ')' end;
  v_row text := substring(p_before from E'[^\n]*$');
  -- The last item since the last blank line, or all since then.
  v_block text := regexp_replace(regexp_replace(p_before, E'^.*\n[ \t\r]*\n', ''), E'^.*\n(?=' || v_item || ')', '');
  v_own int := p_overlap + length(substring(substr(p_text, p_overlap + 1) from E'^[ \t\r\n]*'));
  v_skip int;
  v_back int;
begin
  if v_block = '' or (v_row = '' and p_text ~ ('^' || v_line)) then
    return 0;
  end if;
  if p_by_line or v_block ~ ('^' || v_item) then
    -- Text that only belongs to the overlap is dropped, if a line, an item or a paragraph begins no later than the chunk's own text.
    v_skip := least(length(substring(p_text from E'^((?:[^\n]*\n)+?)(?=' || v_line || ')')),
                    length(substring(p_text from E'^((?:[^\n]*\n)*?[ \t\r]*\n)(?=[ \t]*[^ \t\r\n])')));
    if v_skip <= v_own then
      return v_skip;
    end if;
    v_back := length(case when p_by_line then v_row else v_block end);
  elsif p_text ~ '^[[:lower:]]' and p_before !~ E'[.!?:…][]"''”’)*_]{0,4}[ \t\r\n]*$' then
    v_back := length(regexp_replace(v_block, E'^.*[.!?…][]"''”’)*_]{0,4}[ \t\r\n]+', ''));
  end if;
  return case when v_back <= length(p_text) then -v_back else 0 end;
end
$$;

comment on function ingest.ingest_opening(text, text, int, boolean) is
  'How far behind its chunk''s beginning a passage begins, before it if negative: where a row, an item or a sentence does. p_before: the chunk before, up to '
  'this one, which share p_overlap characters; p_by_line: whether lines are what belongs together, as in tables and code.';
