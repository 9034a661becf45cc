-- Boundaries and pages come as arrays in text now, which costs a third of JSON.
-- squawk-ignore ban-drop-function
drop function if exists ingest_save_chunked(uuid[], int, uuid, bigint[], jsonb[], jsonb[]);
-- squawk-ignore ban-drop-function
drop function if exists ingest_save_loaded(
  uuid[], int, uuid, bigint[], bigint[], bytea[], bigint[], text[], text[], text[], jsonb[], jsonb[], jsonb[], text[]);
-- squawk-ignore ban-drop-function
drop function if exists ingest_ints(jsonb);

-- In its place an index whose condition does not name the state: with each step, a row left its place in all indexes.
-- squawk-ignore require-concurrent-index-creation
create index ingest_revisions_unpublished_idx on ingest_revisions (collection, uri)
  where text is not null and document_id is null;
-- squawk-ignore require-concurrent-index-deletion
drop index ingest_revisions_in_flight_idx;
