create or replace function ingest.ingest_lock_left(p_request uuid) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Lock order: batches, then the request.
begin
  perform from ingest.ingest_batches b where b.request_id = p_request order by b.batch for update;
  return (select r.status from ingest.ingest_requests r where r.id = p_request for no key update);
end
$$;

comment on function ingest.ingest_lock_left(uuid) is 'Locks a request and its batches for a takeover; returns its status, null if it was deleted.';
