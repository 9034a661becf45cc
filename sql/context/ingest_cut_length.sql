create or replace function ingest.ingest_cut_length(p_text text, p_most int) returns int
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_said text := left(p_text, p_most + 1);
  v_line int := length(substring(v_said from E'^(.*)\n'));
  v_end int;
begin
  if length(p_text) <= p_most then
    return length(p_text);
  end if;
  v_end := case
    -- A row of a table is not torn while there is one before it, below the header.
    when substr(v_said, v_line + 2) ~ E'^[ \t>]*[|]' and left(v_said, v_line) !~ E'\n[ \t>]*[|][-:| \t]+$' or v_line >= p_most / 2 then v_line
    else greatest(length(substring(v_said from E'^(.*[.!?…][]"''”’)*_]{0,4})[ \t\r\n]')), length(substring(v_said from E'^(.*[。！？｡][」』）】”’]{0,4})'))) end;
  if v_end is null or v_end < p_most / 2 and v_end is distinct from v_line then
    v_end := length(substring(v_said from E'^(.*)[ \t\r\n]'));
  end if;
  return greatest(1, length(rtrim(left(p_text, case when v_end >= p_most / 2 or v_end = v_line then least(v_end, p_most) else p_most end), E' \t\r\n')));
end
$$;

comment on function ingest.ingest_cut_length(text, int) is
  'Where a text is cut that may have so many characters: in its second half, behind a line, else a sentence, else a word, else after all of them; behind a '
  'row of a table, wherever that ends.';
