-- Boundaries come as arrays in text now, which costs less than JSON.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_save_chunked(uuid[], int, uuid, bigint[], jsonb[], jsonb[]);

-- Its condition named the state, which each step changes, so that statements about a state read all of it. The drop comes
-- first: its lock is the stronger one.
-- squawk-ignore require-concurrent-index-deletion
drop index ingest.ingest_revisions_in_flight_idx;
-- squawk-ignore require-concurrent-index-creation
create index ingest_revisions_unpublished_idx on ingest.ingest_revisions (collection, uri)
  where text is not null and document_id is null;
