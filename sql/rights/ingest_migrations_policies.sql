drop policy if exists everybody_may_see_the_version on ingest.ingest_migrations;
create policy everybody_may_see_the_version on ingest.ingest_migrations for select using (true);
