create or replace function ingest.ingest_write_lexemes() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A call of the former release's function that waits while a migration takes the column's expression away goes on with
-- what it was: it writes no words.
begin
  new.lexemes := to_tsvector(new.text_config, ingest.ingest_grams(ingest.ingest_searchable(new.text), false));
  return new;
end
$$;

comment on function ingest.ingest_write_lexemes() is 'For listeners of the former release: the words of a chunk that came without any.';
