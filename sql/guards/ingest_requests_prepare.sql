create or replace trigger ingest_requests_prepare before insert on ingest_requests
  for each row execute function ingest_prepare_request();
