-- squawk-ignore prefer-robust-stmts
create index concurrently ingest_revisions_failed_idx on ingest.ingest_revisions (collection, uri, id) where error is not null;
