create or replace function ingest.ingest_note_retry(p_fence ingest.ingest_fence_v1, p_error jsonb, p_seconds float8) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_batches b
  set last_error = p_error, next_attempt_at = ingest.ingest_now() + p_seconds * interval '1 second',
      waiting_since = coalesce(b.waiting_since, ingest.ingest_now())
  where b.request_id = any (p_fence.requests) and b.batch = p_fence.batch and b.owner = p_fence.owner;
$$;

comment on function ingest.ingest_note_retry(ingest.ingest_fence_v1, jsonb, float8) is 'Says in ingest_status why a batch waits, and until when. p_seconds null: nobody knows.';
