-- squawk-ignore prefer-robust-stmts
create unique index concurrently ingest_chunk_store_key on ingest.ingest_chunk_store (revision_id, generation, ordinal);
