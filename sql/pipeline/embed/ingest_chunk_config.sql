create or replace function ingest.ingest_chunk_config(p_metadata jsonb, p_by_language boolean, p_otherwise regconfig) returns regconfig
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case when p_by_language then ingest.ingest_language_config(p_metadata, p_otherwise) else p_otherwise end;
$$;

comment on function ingest.ingest_chunk_config(jsonb, boolean, regconfig) is
  'The text search configuration of a chunk with these metadata: its language''s, if the collection goes by language.';
