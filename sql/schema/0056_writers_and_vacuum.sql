-- The doorbell is rung by the trigger that prepares a request: a second trigger cost each inserter 2 % (decision 0048).
drop trigger if exists ingest_requests_ring_on_insert on ingest.ingest_requests;

-- A fifth of a table dead, the default, is a lot of what claims and searches step over. Small tables may have a thousand.
alter table ingest.ingest_requests set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
alter table ingest.ingest_batches set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
alter table ingest.ingest_revisions set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
alter table ingest.ingest_documents set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
alter table ingest.ingest_chunk_store set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
