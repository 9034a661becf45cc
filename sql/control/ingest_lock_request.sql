create or replace function ingest.ingest_lock_request(p_request uuid) returns ingest.ingest_requests
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Lock order: batches, then the request. A step that still runs may hold its batch.
declare
  v_request ingest.ingest_requests;
begin
  perform from ingest.ingest_batches b where b.request_id = p_request order by b.batch for update;
  select r.* into v_request from ingest.ingest_requests r where r.id = p_request for no key update;
  if not found then
    raise exception 'there is no request %', p_request
      using errcode = 'IG010', constraint = 'unknown_request', hint = 'See select id, status from ingest_requests.';
  end if;
  return v_request;
end
$$;

comment on function ingest.ingest_lock_request(uuid) is 'Locks a request and its batches for a control function, and returns it. IG010 if there is none.';
