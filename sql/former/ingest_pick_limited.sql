create or replace function ingest.ingest_pick_limited(
  p_collections text[], p_limit int, p_folders text[], p_priority int, p_created_at timestamptz
) returns uuid[]
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_pick_lanes(p_limit, p_folders, p_priority, p_created_at);
$$;

comment on function ingest.ingest_pick_limited(text[], int, text[], int, timestamptz) is
  'For listeners of the former release: ingest_pick_lanes.';
