-- They took all that a manifest says of a document, where its state is enough.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_see_unchanged(uuid, text, int, bigint, ingest.ingest_found_v1[]);
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_same_state(ingest.ingest_requests, ingest.ingest_found_v1[]);
