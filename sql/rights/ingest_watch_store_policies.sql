drop policy if exists makers_see_their_own on ingest.ingest_watch_store;
create policy makers_see_their_own on ingest.ingest_watch_store for select using (created_by = (select ingest.ingest_caller())::text);
drop policy if exists operators_see_all on ingest.ingest_watch_store;
create policy operators_see_all on ingest.ingest_watch_store for select using ((select ingest.ingest_may('operate'::text, ''::text)) or collection = any ((select ingest.ingest_collections_for('operate'::text))::text[]));
drop policy if exists listeners_see_all on ingest.ingest_watch_store;
create policy listeners_see_all on ingest.ingest_watch_store for select using ((select ingest.ingest_may('listen'::text, ''::text)));
