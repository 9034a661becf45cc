create or replace function ingest_lock_request(p_request uuid) returns ingest_requests
language plpgsql set search_path from current
as $$
-- Lock order: batches, then the request. A step that still runs may hold its batch.
declare
  v_request ingest_requests;
begin
  perform from ingest_batches b where b.request_id = p_request order by b.batch for no key update;
  select r.* into v_request from ingest_requests r where r.id = p_request for no key update;
  if not found then
    raise exception 'there is no request %', p_request
      using errcode = 'IG010', constraint = 'unknown_request', hint = 'See select id, status from ingest_requests.';
  end if;
  return v_request;
end
$$;

comment on function ingest_lock_request(uuid) is 'Locks a request and its batches for a control function, and returns it. IG010 if there is none.';
