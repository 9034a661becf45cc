create or replace function ingest_unclaim(p_request uuid, p_executor text) returns boolean
language plpgsql set search_path from current
as $$
begin
  perform ingest_as_system();
  update ingest_requests r
  set status = 'pending', executor_id = null, started_at = null, deadline_at = null,
      settings = case when r.begun > 0 then r.settings end
  where r.id = p_request and r.status = 'running' and r.executor_id = p_executor;
  return found;
end
$$;

comment on function ingest_unclaim(uuid, text) is 'Back to pending: claimed by that listener, and its workflow never started.';
