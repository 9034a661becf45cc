-- A row that became due, an earlier run_at, or a place that came free in a collection at its limit.
create or replace trigger ingest_requests_ring_on_update after update on ingest.ingest_requests
  for each row when (new.status = 'pending' or (old.status = 'running' and new.limited))
  execute function ingest.ingest_ring();
