create or replace function ingest.ingest_stands_in(p_revision bigint, p_own int, p_generation int) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- Not of the revision's row, with which its text would be read.
  select p_own = p_generation or exists (select from ingest.ingest_cuts k where k.revision_id = p_revision and k.generation = p_generation);
$$;

comment on function ingest.ingest_stands_in(bigint, int, int) is
  'Whether all chunks of an embedded revision are written in a generation; p_own: that of its row (ingest_revisions.generation).';
