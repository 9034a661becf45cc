drop policy if exists who_sees_a_collection_sees_its_generations on ingest.ingest_generations;
create policy who_sees_a_collection_sees_its_generations on ingest.ingest_generations for select using (exists (select from ingest.ingest_collections c where c.name = collection));
