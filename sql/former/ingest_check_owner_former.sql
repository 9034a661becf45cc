create or replace function ingest.ingest_check_owner(p_requests uuid[], p_batch int, p_owner uuid, p_step text) returns uuid[]
language sql security definer set search_path = pg_catalog, pg_temp
as $$
-- Only calls of the former release's functions that waited while the schema was migrated come here.
  select ingest.ingest_check_owner((p_requests, p_batch, p_owner)::ingest.ingest_fence_v1, p_step);
$$;

comment on function ingest.ingest_check_owner(uuid[], int, uuid, text) is 'For listeners of the former release: ingest_check_owner(ingest_fence_v1, text).';
