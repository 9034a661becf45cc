create or replace function ingest_note_retry(p_fence ingest_fence_v1, p_error jsonb, p_seconds float8) returns void
language sql set search_path from current
as $$
  update ingest_batches b
  set last_error = p_error, next_attempt_at = ingest_now() + p_seconds * interval '1 second'
  where b.request_id = any (p_fence.requests) and b.batch = p_fence.batch and b.owner = p_fence.owner;
$$;

comment on function ingest_note_retry(ingest_fence_v1, jsonb, float8) is 'Says in ingest_status why a batch waits, and until when.';
