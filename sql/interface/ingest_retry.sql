create or replace function ingest.ingest_retry(p_request uuid) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_request ingest.ingest_requests;
begin
  perform ingest.ingest_require_request(p_request);
  perform ingest.ingest_as_system();
  v_request := ingest.ingest_lock_request(p_request);
  if v_request.status not in ('failed', 'partially_succeeded') then
    raise exception 'request % is %: there is nothing to retry', p_request, v_request.status
      using errcode = 'IG011', constraint = 'wrong_state',
            hint = case v_request.status
              when 'cancelled' then 'To go on with it: select ingest_resume(id).'
              when 'succeeded' then 'To do it once more, as a new request: select ingest_fork(id).'
              else 'It is not through yet; ingest_cancel(id) would stop it.' end;
  end if;
  perform ingest.ingest_keep_settings(v_request);
  perform ingest.ingest_reopen_failed(p_request);
  perform ingest.ingest_reopen(p_request, 'retry'::text);
  return 'pending';
end
$$;

comment on function ingest.ingest_retry(uuid) is
  'Goes on with a failed or partially succeeded request: what failed runs again from the step that failed, nothing else does. '
  'IG010 unknown, IG011 wrong state, IG017 its dedupe key is taken, IG018 its collection''s space was changed.';
