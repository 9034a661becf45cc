create or replace trigger ingest_revisions_forget after delete on ingest.ingest_revisions
  referencing old table as deleted
  for each statement execute function ingest.ingest_forget_revisions();
