create or replace trigger ingest_requests_guard_delete before delete on ingest.ingest_requests
  for each row execute function ingest.ingest_guard_delete();
