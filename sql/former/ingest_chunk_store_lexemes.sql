create or replace trigger ingest_chunk_store_lexemes before insert on ingest.ingest_chunk_store
  for each row when (new.lexemes is null) execute function ingest.ingest_write_lexemes();
