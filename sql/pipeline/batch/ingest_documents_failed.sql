create or replace function ingest.ingest_documents_failed(p_request uuid, p_failed int, p_total int) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- One document: its own error says more than a count.
  select case when p_total = 1 then (
    select v.error from ingest.ingest_revisions v where v.request_id = p_request and v.state = 'failed')
  else jsonb_build_object(
    'code', 'documents_failed', 'message', format('%s of %s documents failed', p_failed, p_total),
    'hint', format('select * from ingest_failures where request_id = %L;', p_request), 'step', null, 'retryable', false)
    -- Whatever else failed: this is why it stopped, and what to do.
    || coalesce((
      select v.error || jsonb_build_object('message', format('%s of %s documents failed: %s', p_failed, p_total, v.error ->> 'message'))
      from ingest.ingest_revisions v where v.request_id = p_request and v.state = 'failed' and v.error ->> 'code' = 'cap_reached' limit 1), '{}')
  end;
$$;

comment on function ingest.ingest_documents_failed(uuid, int, int) is 'The error of a request some of whose documents failed.';
