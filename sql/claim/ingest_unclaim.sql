create or replace function ingest.ingest_unclaim(p_request uuid, p_executor text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Some of its batches may have been started. What they publish would be refused now, so they must start over.
-- Lock order: batches, then the request.
begin
  perform ingest.ingest_as_system();
  perform from ingest.ingest_batches b where b.request_id = p_request order by b.batch for update;
  update ingest.ingest_requests r
  set status = 'pending', executor_id = null, started_at = null, deadline_at = null, resume_at = null, outage = null,
      settings = case when r.begun > 0 then r.settings end
  where r.id = p_request and r.status = 'running' and r.executor_id = p_executor;
  if not found then
    return false;
  end if;
  update ingest.ingest_batches b set owner = null where b.request_id = p_request and b.finished_at is null and b.owner is not null;
  return true;
end
$$;

comment on function ingest.ingest_unclaim(uuid, text) is 'Back to pending: claimed by that listener, and its workflow never started.';
