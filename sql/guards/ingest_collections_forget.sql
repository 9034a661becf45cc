create or replace trigger ingest_collections_forget before delete on ingest_collections
  for each row execute function ingest_forget_collection();
