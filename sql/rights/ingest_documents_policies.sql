drop policy if exists searchers_see_theirs on ingest.ingest_documents;
create policy searchers_see_theirs on ingest.ingest_documents for select using (((select ingest.ingest_may('search'::text, ''::text)) or collection = any ((select ingest.ingest_collections_for('search'::text))::text[]))
  and (principals is null or principals && (select ingest.ingest_principals())));
drop policy if exists operators_see_all on ingest.ingest_documents;
create policy operators_see_all on ingest.ingest_documents for select using ((select ingest.ingest_may('operate'::text, ''::text)) or collection = any ((select ingest.ingest_collections_for('operate'::text))::text[]));
drop policy if exists operators_delete_all on ingest.ingest_documents;
create policy operators_delete_all on ingest.ingest_documents for delete using ((select ingest.ingest_may('operate'::text, ''::text)) or collection = any ((select ingest.ingest_collections_for('operate'::text))::text[]));
