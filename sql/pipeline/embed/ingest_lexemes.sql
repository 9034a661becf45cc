create or replace function ingest.ingest_lexemes(p_config regconfig, p_title text, p_headings jsonb, p_text text) returns tsvector
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  return setweight(to_tsvector(p_config, coalesce(ingest.ingest_searchable(p_title), '')), 'A')
    || setweight(to_tsvector(p_config, coalesce(ingest.ingest_searchable(p_headings::text), '[]')::jsonb), 'B')
    || to_tsvector(p_config, ingest.ingest_searchable(p_text));
end
$$;

comment on function ingest.ingest_lexemes(regconfig, text, jsonb, text) is
  'The words that a chunk is found by: of its document''s title (weight A), its headings (B) and its text (D), which begins with what the chunk continues.';
