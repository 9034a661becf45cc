create or replace function ingest.ingest_go_on_discovery(p_request uuid, p_executor text, p_attempt int) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- As ingest_go_on: the locks of limits, then the request, then the look at what runs.
declare
  v_request ingest.ingest_requests := (select r from ingest.ingest_requests r where r.id = p_request);
  v_submitter text := coalesce(v_request.submitted_by, v_request.created_by);
  v_counts boolean := v_request.resume_at is not null and v_request.limited;
begin
  perform ingest.ingest_as_system();
  if v_counts and not ingest.ingest_lock_limits(v_request.collection, v_submitter) then
    return false;
  end if;
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  if v_counts and ingest.ingest_room(v_request.collection, v_submitter) = 0 then
    return false;
  end if;
  update ingest.ingest_requests r set resume_at = null where r.id = p_request;
  return true;
end
$$;

comment on function ingest.ingest_go_on_discovery(uuid, text, int) is
  'Resumes a request''s parked discovery; false: its collection or submitter has no room for that now. IG021 if another execution runs it.';
