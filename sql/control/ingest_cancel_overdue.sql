create or replace function ingest.ingest_cancel_overdue() returns setof uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_request record;
begin
  for v_request in
    select r.id, r.options from ingest.ingest_requests r
    where r.status = 'running' and r.deadline_at < ingest.ingest_now() order by r.id for no key update skip locked
  loop
    perform ingest.ingest_settle(v_request.id, 'cancelled'::text, jsonb_build_object(
      'code', 'deadline', 'message', format('ran longer than its %s seconds', v_request.options ->> 'timeout_seconds'),
      'hint', 'Raise options.timeout_seconds, or ingest fewer documents at a time.', 'step', null, 'retryable', false));
    insert into ingest.ingest_commands (request_id, verb, created_by) values (v_request.id, 'cancel', 'deadline');
    return next v_request.id;
  end loop;
end
$$;

comment on function ingest.ingest_cancel_overdue() is 'Cancels running requests whose deadline has passed.';
