drop policy if exists searchers_see_all on ingest.ingest_evaluations;
create policy searchers_see_all on ingest.ingest_evaluations for select using ((select ingest.ingest_may('search'::text, ''::text)) or collection = any ((select ingest.ingest_collections_for('search'::text))::text[]));
drop policy if exists operators_see_all on ingest.ingest_evaluations;
create policy operators_see_all on ingest.ingest_evaluations for select using ((select ingest.ingest_may('operate'::text, ''::text)) or collection = any ((select ingest.ingest_collections_for('operate'::text))::text[]));
