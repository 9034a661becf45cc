create or replace trigger ingest_documents_forget after delete on ingest_documents
  referencing old table as deleted
  for each statement execute function ingest_forget_documents();
