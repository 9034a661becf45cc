create or replace function ingest.ingest_note_retry(p_requests uuid[], p_batch int, p_owner uuid, p_error jsonb, p_seconds float8) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_note_retry((p_requests, p_batch, p_owner)::ingest.ingest_fence_v1, p_error, p_seconds);
$$;

comment on function ingest.ingest_note_retry(uuid[], int, uuid, jsonb, float8) is 'For listeners of the former release: ingest_note_retry(ingest_fence_v1, …).';
