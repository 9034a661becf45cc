-- Whatever setting somebody has made: no function of ours names these columns in an UPDATE.
create or replace trigger ingest_requests_guard_columns
  before update of priority, run_at, metadata, options, dedupe_key on ingest.ingest_requests
  for each row execute function ingest.ingest_guard_request();
