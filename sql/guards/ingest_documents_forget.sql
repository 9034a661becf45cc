create or replace trigger ingest_documents_forget after delete on ingest.ingest_documents
  referencing old table as deleted
  for each statement execute function ingest.ingest_forget_documents();
