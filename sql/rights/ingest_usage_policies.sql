drop policy if exists operators_see_all on ingest.ingest_usage;
create policy operators_see_all on ingest.ingest_usage for select using ((select ingest.ingest_may('operate'::text, ''::text)) or collection = any ((select ingest.ingest_collections_for('operate'::text))::text[]));
