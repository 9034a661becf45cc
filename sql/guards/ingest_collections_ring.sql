create or replace trigger ingest_collections_ring after update of max_running on ingest.ingest_collections
  for each row when (new.max_running is distinct from old.max_running) execute function ingest.ingest_ring();
