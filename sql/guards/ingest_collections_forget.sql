create or replace trigger ingest_collections_forget before delete on ingest.ingest_collections
  for each row execute function ingest.ingest_forget_collection();
