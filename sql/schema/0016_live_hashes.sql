-- ingest_live_hashes, for a whole batch, has taken its place.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_live_hash(ingest.ingest_documents, ingest.ingest_requests);
