create or replace function ingest.ingest_begin(p_request uuid, p_executor text, p_attempt int default null) returns ingest.ingest_requests
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_request ingest.ingest_requests;
begin
  perform from ingest.ingest_begin_request(p_request, p_executor, p_attempt);
  if found then
    select r.* into v_request from ingest.ingest_requests r where r.id = p_request;
  end if;
  return v_request;
end
$$;

comment on function ingest.ingest_begin(uuid, text, int) is
  'For listeners of the former release: ingest_begin_request, with the whole row.';
