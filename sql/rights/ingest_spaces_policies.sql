drop policy if exists who_sees_a_collection_sees_its_space on ingest.ingest_spaces;
create policy who_sees_a_collection_sees_its_space on ingest.ingest_spaces for select using (exists (select from ingest.ingest_collections c where c.space_id = id));
