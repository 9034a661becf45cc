create or replace function ingest_note_retry(p_requests uuid[], p_batch int, p_owner uuid, p_error jsonb, p_seconds float8) returns void
language sql set search_path from current
as $$
  update ingest_batches b
  set last_error = p_error, next_attempt_at = clock_timestamp() + p_seconds * interval '1 second'
  where b.request_id = any (p_requests) and b.batch = p_batch and b.owner = p_owner;
$$;

comment on function ingest_note_retry(uuid[], int, uuid, jsonb, float8) is 'Says in ingest_status why a batch waits, and until when.';
