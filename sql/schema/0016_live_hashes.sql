-- ingest_live_hashes, for a whole batch, has taken its place.
-- squawk-ignore ban-drop-function
drop function if exists ingest_live_hash(ingest_documents, ingest_requests);
