create or replace function ingest.ingest_words_of(p_metadata jsonb, p_text text) returns text
language sql immutable
return coalesce(p_metadata ->> 'searched_as', concat_ws(E'\n', p_metadata ->> 'continues', p_text));

comment on function ingest.ingest_words_of(jsonb, text) is
  'The text that a chunk is found by: what an own step made of it, or else its own with what it continues before it.';
