create or replace trigger ingest_revisions_forget after delete on ingest_revisions
  referencing old table as deleted
  for each statement execute function ingest_forget_revisions();
