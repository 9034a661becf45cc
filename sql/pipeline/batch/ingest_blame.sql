create or replace function ingest.ingest_blame(p_batch ingest.ingest_batches) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_revisions v
  set state = 'failed', reason = null, failed_at = ingest.ingest_now(), error = jsonb_build_object(
        'code', 'killed_listener', 'message', format('listeners died again and again over %s, also when it was tried alone', v.uri),
        'hint', 'See what the listener''s host says of its end (out of memory?); leave the document out, or give the listener more.',
        'step', coalesce(p_batch.step, 'load'), 'retryable', false)
  where v.id = p_batch.alone and v.state in ('discovered', 'loaded', 'chunked');
$$;

comment on function ingest.ingest_blame(ingest.ingest_batches) is 'Fails the document that was tried alone when its listener died.';
