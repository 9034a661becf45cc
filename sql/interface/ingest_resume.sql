create or replace function ingest.ingest_resume(p_request uuid) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_request ingest.ingest_requests;
begin
  perform ingest.ingest_require_request(p_request);
  perform ingest.ingest_as_system();
  v_request := ingest.ingest_lock_request(p_request);
  if v_request.status <> 'cancelled' and v_request.error ->> 'code' is distinct from 'crash_limit' then
    raise exception 'request % is %: there is nothing to resume', p_request, v_request.status
      using errcode = 'IG011', constraint = 'wrong_state',
            hint = case
              when v_request.status in ('failed', 'partially_succeeded') then 'To run again what failed: select ingest_retry(id).'
              when v_request.status = 'succeeded' then 'To do it once more, as a new request: select ingest_fork(id).'
              else 'It was not stopped.' end;
  end if;
  perform ingest.ingest_keep_settings(v_request);
  perform ingest.ingest_reopen(p_request, 'resume'::text);
  return 'pending';
end
$$;

comment on function ingest.ingest_resume(uuid) is
  'Continues a cancelled request, or one that reached the crash limit, from the last checkpoint of each document. '
  'IG010 unknown, IG011 wrong state, IG017 its dedupe key is taken, IG018 its collection''s space was changed.';
