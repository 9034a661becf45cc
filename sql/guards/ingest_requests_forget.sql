create or replace trigger ingest_requests_forget after delete on ingest.ingest_requests
  referencing old table as deleted
  for each statement execute function ingest.ingest_forget_requests();
