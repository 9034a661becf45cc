create or replace trigger ingest_requests_guard_delete before delete on ingest_requests
  for each row execute function ingest_guard_delete();
