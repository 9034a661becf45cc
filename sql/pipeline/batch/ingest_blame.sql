create or replace function ingest.ingest_blame(p_batch ingest.ingest_batches) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_revisions v
  set state = 'failed', reason = null, failed_at = ingest.ingest_now(), error = jsonb_build_object(
        'code', 'killed_listener', 'message', format('listeners died repeatedly over %s, even when it was tried alone', v.uri),
        'hint', 'See why the listener''s process ended (out of memory?); exclude the document, or give the listener more memory.',
        'step', coalesce(p_batch.step, 'load'), 'retryable', false)
  where v.id = p_batch.alone and v.state in ('discovered', 'loaded', 'chunked');
$$;

comment on function ingest.ingest_blame(ingest.ingest_batches) is 'Fails the document that was tried alone when its listener died.';
