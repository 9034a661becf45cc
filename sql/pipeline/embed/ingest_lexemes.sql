create or replace function ingest.ingest_lexemes(p_config regconfig, p_title text, p_headings jsonb, p_text text) returns tsvector
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_headings text := p_headings;
begin
  -- One look instead of three calls: most texts are as they are searched.
  if concat(p_title, v_headings, p_text) ~ E'[^\\u0001-\\u007d]|[*^]' then
    p_title := ingest.ingest_searchable(p_title);
    v_headings := ingest.ingest_searchable(v_headings);
    p_text := ingest.ingest_searchable(p_text);
  end if;
  return setweight(to_tsvector(p_config, coalesce(p_title, '')), 'A')
    || setweight(to_tsvector(p_config, coalesce(v_headings, '[]')::jsonb), 'B') || to_tsvector(p_config, p_text);
end
$$;

comment on function ingest.ingest_lexemes(regconfig, text, jsonb, text) is
  'The words that a chunk is found by: of its document''s title (weight A), its headings (B) and its text (D), which begins with what the chunk continues.';
