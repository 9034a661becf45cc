create or replace function ingest.ingest_pick_limited(
  p_collections text[], p_limit int, p_folders text[], p_priority int, p_created_at timestamptz
) returns uuid[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select '{}'::uuid[];
$$;

comment on function ingest.ingest_pick_limited(text[], int, text[], int, timestamptz) is
  'For listeners of the former release: a claim of before that waited for the migration finds nothing, and looks again.';
