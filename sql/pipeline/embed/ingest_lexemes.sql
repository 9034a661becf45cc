create or replace function ingest.ingest_lexemes(p_config regconfig, p_title text, p_headings jsonb, p_text text) returns tsvector
language sql immutable
return setweight(to_tsvector(p_config, coalesce(p_title, '')), 'A')
  || setweight(to_tsvector(p_config, coalesce(p_headings, '[]')), 'B') || to_tsvector(p_config, p_text);

comment on function ingest.ingest_lexemes(regconfig, text, jsonb, text) is
  'The words that a chunk is found by: of its document''s title (weight A), its headings (B) and its text (D).';
