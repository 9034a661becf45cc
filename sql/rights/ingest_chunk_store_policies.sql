drop policy if exists who_sees_the_document_sees_the_live_ones on ingest.ingest_chunk_store;
create policy who_sees_the_document_sees_the_live_ones on ingest.ingest_chunk_store for select using (exists (select from ingest.ingest_documents d where d.revision_id = ingest_chunk_store.revision_id));
