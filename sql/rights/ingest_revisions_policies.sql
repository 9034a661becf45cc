drop policy if exists who_sees_the_request_sees_them on ingest.ingest_revisions;
create policy who_sees_the_request_sees_them on ingest.ingest_revisions for select using (
  (select ingest.ingest_may('listen'::text, ''::text)) or exists (select from ingest.ingest_requests r where r.id = request_id));
drop policy if exists who_sees_the_document_sees_the_live_one on ingest.ingest_revisions;
create policy who_sees_the_document_sees_the_live_one on ingest.ingest_revisions for select using (
  ((select ingest.ingest_may('search'::text, ''::text)) or collection = any ((select ingest.ingest_collections_for('search'::text))::text[]))
  and exists (select from ingest.ingest_documents d where d.revision_id = ingest_revisions.id));
