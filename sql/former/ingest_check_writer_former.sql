create or replace function ingest.ingest_check_writer(p_requests uuid[], p_batch int, p_owner uuid) returns uuid[]
language sql security definer set search_path = pg_catalog, pg_temp
as $$
-- Only calls of the former release's functions that waited while the schema was migrated come here.
  select ingest.ingest_check_writer((p_requests, p_batch, p_owner)::ingest.ingest_fence_v1);
$$;

comment on function ingest.ingest_check_writer(uuid[], int, uuid) is 'For listeners of the former release: ingest_check_writer(ingest_fence_v1).';
