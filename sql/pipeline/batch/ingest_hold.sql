create or replace function ingest.ingest_hold(p_request uuid) returns text
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select r.status from ingest.ingest_requests r where r.id = p_request for no key update;
$$;

comment on function ingest.ingest_hold(uuid) is 'Locks a request until the transaction ends; returns its status, null if it was deleted.';
