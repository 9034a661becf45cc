-- After `ingest migrate`, as ingest_owner. May be run again, and should be after an upgrade: docker-compose.yml does.
-- These are the blocks for the owner on docs/operations.md, which says what each role may do; a test keeps them the same.

-- The application
grant usage on schema ingest to ingest_app;
grant insert, select on ingest.ingest_requests to ingest_app;
grant select on ingest.ingest_collections, ingest.ingest_spaces, ingest.ingest_used_ids, ingest.ingest_status, ingest.ingest_failures,
  ingest.ingest_documents, ingest.ingest_chunks, ingest.ingest_revisions, ingest.ingest_batches, ingest.ingest_chunk_store,
  ingest.ingest_listeners, ingest.ingest_queries to ingest_app;
grant insert (space_id, hash, text, wanted_until), update (text, error, used_at, wanted_until, claimed_until)
  on ingest.ingest_queries to ingest_app;  -- to ask for vectors, not to write them
grant usage on sequence ingest.ingest_read_seq to ingest_app;
alter default privileges in schema ingest grant select on tables to ingest_app;  -- typed views of collections to come

-- The operator
grant update, delete on ingest.ingest_requests to ingest_operator;
grant select, insert on ingest.ingest_commands to ingest_operator;
grant insert on ingest.ingest_used_ids to ingest_operator;
grant delete on ingest.ingest_documents to ingest_operator;
grant insert, update, delete on ingest.ingest_batches to ingest_operator;
grant select, delete on ingest.ingest_containers to ingest_operator;
grant update, delete on ingest.ingest_revisions to ingest_operator;
grant select, delete on ingest.ingest_chunk_store to ingest_operator;
