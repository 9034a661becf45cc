create or replace function ingest_check_writer(p_requests uuid[], p_batch int, p_owner uuid) returns uuid[]
language sql set search_path from current
as $$
-- Only calls of the former release's functions that waited while the schema was migrated come here.
  select ingest_check_writer((p_requests, p_batch, p_owner)::ingest_fence_v1);
$$;

comment on function ingest_check_writer(uuid[], int, uuid) is 'For listeners of the former release: ingest_check_writer(ingest_fence_v1).';
