create or replace function ingest.ingest_require_request(p_request uuid) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- One that the caller may not even see counts as unknown. Its submitter, who sees it, learns what is missing.
declare
  v_request ingest.ingest_requests;
begin
  if ingest.ingest_is_owner() then
    return;
  end if;
  select r.* into v_request from ingest.ingest_requests r where r.id = p_request;
  if not found or not (ingest.ingest_may('operate'::text, v_request.collection)
                       or coalesce(v_request.submitted_by, v_request.created_by) = ingest.ingest_caller()) then
    raise exception 'there is no request %', p_request
      using errcode = 'IG010', constraint = 'unknown_request', hint = 'See select id, status from ingest_requests.';
  end if;
  perform ingest.ingest_require('operate'::text, v_request.collection);
end
$$;

comment on function ingest.ingest_require_request(uuid) is
  'Raises IG010 if there is no request that the caller can see, IG040 if it may not control it.';
