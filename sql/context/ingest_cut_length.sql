create or replace function ingest.ingest_cut_length(p_text text, p_most int) returns int
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_back text := reverse(left(p_text, p_most + 1));
  v_line int := nullif(strpos(v_back, E'\n'), 0);
  v_word int := least(v_line, nullif(strpos(v_back, ' '), 0), nullif(strpos(v_back, E'\t'), 0));
begin
  if length(p_text) <= p_most then
    return length(p_text);
  end if;
  return greatest(1, length(rtrim(left(p_text, p_most + 1 - case when v_line <= p_most / 2 then v_line when v_word <= p_most / 2 then v_word else 1 end),
    E' \t\r\n')));
end
$$;

comment on function ingest.ingest_cut_length(text, int) is
  'Where a text is cut that may have so many characters: in its second half, behind a line, else behind a word, else after all of them.';
