create or replace trigger ingest_requests_prepare before insert on ingest.ingest_requests
  for each row execute function ingest.ingest_prepare_request();
