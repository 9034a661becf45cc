drop policy if exists who_sees_the_document_sees_the_live_ones on ingest.ingest_chunk_store;
create policy who_sees_the_document_sees_the_live_ones on ingest.ingest_chunk_store for select using (
  ((select ingest.ingest_may('search'::text, ''::text)) or collection = any ((select ingest.ingest_collections_for('search'::text))::text[]))
  and exists (select from ingest.ingest_documents d where d.revision_id = ingest_chunk_store.revision_id));
