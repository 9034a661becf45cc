drop policy if exists listeners_see_all on ingest.ingest_listeners;
create policy listeners_see_all on ingest.ingest_listeners for select using ((select ingest.ingest_may('listen'::text, ''::text)));
drop policy if exists operators_see_all on ingest.ingest_listeners;
create policy operators_see_all on ingest.ingest_listeners for select using ((select ingest.ingest_may('operate'::text, ''::text)));
