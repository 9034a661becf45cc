create or replace function ingest.ingest_cancel(p_request uuid) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_status text;
  v_error jsonb := jsonb_build_object(
    'code', 'cancelled', 'message', format('cancelled by %s', ingest.ingest_caller()),
    'hint', 'To continue it: select ingest_resume(id).', 'step', null, 'retryable', false);
begin
  perform ingest.ingest_require_request(p_request);
  perform ingest.ingest_as_system();
  select r.status into v_status from ingest.ingest_requests r where r.id = p_request for no key update;
  if v_status is null then
    raise exception 'there is no request %', p_request
      using errcode = 'IG010', constraint = 'unknown_request', hint = 'See select id, status from ingest_requests.';
  elsif v_status = 'pending' then
    update ingest.ingest_requests r
    set status = 'cancelled', finished_at = ingest.ingest_now(), error = v_error,
        percent = (select p.percent from ingest.ingest_progress_of(r) p)
    where r.id = p_request;
    perform ingest.ingest_end_generation(p_request, false);
  elsif v_status = 'running' then
    perform ingest.ingest_settle(p_request, 'cancelled'::text, v_error);
  else
    raise exception 'request % is already %', p_request, v_status
      using errcode = 'IG011', constraint = 'wrong_state', hint = 'Only a pending or running request can be cancelled.';
  end if;
  -- A listener stops the workflows, if there are any, and announces the end.
  insert into ingest.ingest_commands (request_id, verb) values (p_request, 'cancel');
  perform pg_notify(ingest.ingest_channel('commands'::text), '');
  return 'cancelled';
end
$$;

comment on function ingest.ingest_cancel(uuid) is
  'Cancels a pending or running request at once; a listener then stops its workflows. IG010 unknown, IG011 already ended.';
