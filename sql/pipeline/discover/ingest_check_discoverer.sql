create or replace function ingest.ingest_check_discoverer(p_request uuid, p_executor text, p_attempt int default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform from ingest.ingest_requests r
  where r.id = p_request and r.status = 'running' and r.executor_id = p_executor and r.discovered_at is null
    and (p_attempt is null or r.attempt = p_attempt)
  for no key update;
  if not found then
    raise exception 'the manifest of request % is not written by listener %', p_request, p_executor
      using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
end
$$;

comment on function ingest.ingest_check_discoverer(uuid, text, int) is
  'The fence of discovery: IG021 unless that listener runs that attempt of the request and its manifest is not complete.';
