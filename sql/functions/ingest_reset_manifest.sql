create or replace function ingest_reset_manifest(p_request uuid, p_executor text) returns void
language plpgsql set search_path from current
as $$
begin
  perform from ingest_requests r
  where r.id = p_request and r.status = 'running' and r.executor_id = p_executor and r.discovered_at is null
  for no key update;
  if not found then
    raise exception 'request % is not run by listener %', p_request, p_executor
      using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  delete from ingest_revisions r where r.request_id = p_request;
  delete from ingest_batches b where b.request_id = p_request;
end
$$;

comment on function ingest_reset_manifest(uuid, text) is
  'Drops a manifest that was not completed, before it is written anew. IG021 if another listener runs the request.';
