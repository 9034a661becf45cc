create or replace function ingest.ingest_lexemes(p_config regconfig, p_title text, p_headings jsonb, p_text text) returns tsvector
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  -- One look instead of three calls: most texts are as they are searched.
  if concat(p_title, p_headings, p_text) ~ E'[^\\u0001-\\u007d]|[*^]' then
    p_title := ingest.ingest_grams(ingest.ingest_searchable(p_title), false);
    -- One by one: what is composed across an escape of JSON's text is no JSON any more.
    if jsonb_typeof(p_headings) = 'array' then
      p_headings := (select jsonb_agg(ingest.ingest_grams(ingest.ingest_searchable(h.text), false) order by h.place)
                     from jsonb_array_elements_text(p_headings) with ordinality as h (text, place));
    end if;
    p_text := ingest.ingest_grams(ingest.ingest_searchable(p_text), false);
  end if;
  return setweight(to_tsvector(p_config, coalesce(p_title, '')), 'A')
    || setweight(to_tsvector(p_config, coalesce(p_headings, '[]')), 'B') || to_tsvector(p_config, p_text);
end
$$;

comment on function ingest.ingest_lexemes(regconfig, text, jsonb, text) is
  'The words that a chunk is found by: of its document''s title (weight A), its headings (B) and its text (D), which begins with what the chunk continues.';
