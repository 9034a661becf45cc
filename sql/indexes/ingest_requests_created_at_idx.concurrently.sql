-- Instead of the one on created_at alone (0003), which is dropped first, being of the same name: what one transaction inserted has one
-- created_at, and a page of a list must not sort all of a million such requests by their ids.
-- squawk-ignore prefer-robust-stmts
create index concurrently ingest_requests_created_at_idx on ingest.ingest_requests (created_at, id);
