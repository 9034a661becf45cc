create or replace trigger ingest_requests_guard_update before update on ingest.ingest_requests
  for each row when (current_setting('ingest.writer', true) is distinct from statement_timestamp()::text)
  execute function ingest.ingest_guard_request();
