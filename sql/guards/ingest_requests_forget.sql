create or replace trigger ingest_requests_forget after delete on ingest_requests
  referencing old table as deleted
  for each statement execute function ingest_forget_requests();
