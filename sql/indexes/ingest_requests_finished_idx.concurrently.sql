-- What ended in the last minute: ingest status --watch. Not of those that have not ended, so that an INSERT pays nothing for it.
-- squawk-ignore prefer-robust-stmts
create index concurrently ingest_requests_finished_idx on ingest.ingest_requests (finished_at) where finished_at is not null;
