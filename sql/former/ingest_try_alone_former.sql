create or replace function ingest.ingest_try_alone(p_requests uuid[], p_batch int, p_owner uuid, p_revision bigint, p_step text) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_try_alone((p_requests, p_batch, p_owner)::ingest.ingest_fence_v1, p_revision, p_step);
$$;

comment on function ingest.ingest_try_alone(uuid[], int, uuid, bigint, text) is 'For listeners of the former release: ingest_try_alone(ingest_fence_v1, …).';
