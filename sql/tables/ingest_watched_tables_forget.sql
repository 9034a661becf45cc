create or replace trigger ingest_watched_tables_forget after delete on ingest.ingest_watched_tables
  for each row execute function ingest.ingest_forget_table();
