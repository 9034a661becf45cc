create or replace function ingest.ingest_still_continues(p_continues text, p_before text, p_text text, p_at int) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_at < 0 and right(p_before, length(p_continues)) = p_continues then nullif(rtrim(left(p_continues, p_at), E' \t\r\n'), '')
    when p_at <= 0 then p_continues
    when p_continues ~ '^(```|~~~)' then case when ingest.ingest_open_fence(p_continues || E'\n' || left(p_text, p_at)) is not null then p_continues end
    when left(p_text, p_at) ~ E'\n[ \t\r]*\n' or (strpos(p_continues, '|') > 0 and strpos(split_part(substr(p_text, p_at + 1), E'\n', 1), '|') = 0) then null
    else p_continues end;
$$;

comment on function ingest.ingest_still_continues(text, text, text, int) is
  'What a chunk continues, its header or fence, if a passage begins p_at characters behind its beginning: nothing, once the table or code block has ended.';
