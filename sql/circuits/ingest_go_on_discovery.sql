create or replace function ingest.ingest_go_on_discovery(p_request uuid, p_executor text, p_attempt int) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- As ingest_go_on: the limits, then the request.
declare
  v_request ingest.ingest_requests := (select r from ingest.ingest_requests r where r.id = p_request);
  v_submitter text := coalesce(v_request.submitted_by, v_request.created_by);
  v_room record;
begin
  perform ingest.ingest_as_system();
  if v_request.resume_at is not null and v_request.limited then
    v_room := ingest.ingest_lane_room(v_submitter, v_request.collection, true);
    if v_room.locked or least(v_room.of_submitter, v_room.of_collection) <= 0 then
      return false;
    end if;
  end if;
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  update ingest.ingest_requests r set resume_at = null where r.id = p_request;
  return true;
end
$$;

comment on function ingest.ingest_go_on_discovery(uuid, text, int) is
  'Resumes a request''s parked discovery; false: its collection or submitter has no room for that now. IG021 if another execution runs it.';
