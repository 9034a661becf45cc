create or replace trigger ingest_requests_ring_on_insert after insert on ingest.ingest_requests
  for each statement execute function ingest.ingest_ring();
