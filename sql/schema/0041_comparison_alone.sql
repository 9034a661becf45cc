-- Pages are compared while others are written, and their states come as one value.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_see_unchanged(uuid, text, int, bigint, text[], text[], timestamptz[], bigint[], jsonb);
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_same_state(ingest.ingest_requests, text[], text[], timestamptz[], bigint[]);
