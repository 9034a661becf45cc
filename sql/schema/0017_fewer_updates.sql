-- Boundaries come as arrays in text now, which costs a third of JSON.
-- squawk-ignore ban-drop-function
drop function if exists ingest_save_chunked(uuid[], int, uuid, bigint[], jsonb[], jsonb[]);

-- In its place an index whose condition does not name the state: with each step, a row left its place in all indexes, and
-- statements about a state read all of it. Dropped first, for its lock is the stronger one.
-- squawk-ignore require-concurrent-index-deletion
drop index ingest_revisions_in_flight_idx;
-- squawk-ignore require-concurrent-index-creation
create index ingest_revisions_unpublished_idx on ingest_revisions (collection, uri)
  where text is not null and document_id is null;
