create or replace function ingest.ingest_stands_in(p_revision ingest.ingest_revisions, p_generation int) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select p_revision.generation = p_generation or exists (
    select from ingest.ingest_cuts k where k.revision_id = p_revision.id and k.generation = p_generation);
$$;

comment on function ingest.ingest_stands_in(ingest.ingest_revisions, int) is 'Whether all chunks of an embedded revision are written in a generation.';
