drop policy if exists who_has_a_right_sees_them on ingest.ingest_collections;
create policy who_has_a_right_sees_them on ingest.ingest_collections for select using (
  (select ingest.ingest_may('search'::text, ''::text)) or name = any ((select ingest.ingest_collections_for('search'::text))::text[])
  or (select ingest.ingest_may('operate'::text, ''::text)) or name = any ((select ingest.ingest_collections_for('operate'::text))::text[])
  or (select ingest.ingest_may('submit'::text, ''::text)) or name = any ((select ingest.ingest_collections_for('submit'::text))::text[]));
drop policy if exists listeners_see_all on ingest.ingest_collections;
create policy listeners_see_all on ingest.ingest_collections for select using ((select ingest.ingest_may('listen'::text, ''::text)));
