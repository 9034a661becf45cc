create or replace function ingest.ingest_go_on(p_fence ingest.ingest_fence_v1) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- As a claim does it: first the locks of the limits, which are not waited for, and a count of what runs under them; then the batch.
declare
  v_request ingest.ingest_requests := (select r from ingest.ingest_requests r where r.id = p_fence.requests[1]);
  v_submitter text := coalesce(v_request.submitted_by, v_request.created_by);
  v_room record;
begin
  perform ingest.ingest_as_system();
  if v_request.resume_at is not null and v_request.limited then
    v_room := ingest.ingest_lane_room(v_submitter, v_request.collection, true);
    if v_room.locked or least(v_room.of_submitter, v_room.of_collection) <= 0 and exists (  -- another batch of it may have gone on
         select from ingest.ingest_requests r where r.id = v_request.id and r.resume_at is not null) then
      return false;
    end if;
  end if;
  perform from ingest.ingest_batches b
  where b.request_id = any (p_fence.requests) and b.batch = p_fence.batch and b.owner = p_fence.owner for no key update;
  if not found then
    raise exception 'batch % of request % has another owner', p_fence.batch, p_fence.requests[1]
      using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  update ingest.ingest_batches b set resume_at = null, next_attempt_at = null, last_error = null
  where b.request_id = any (p_fence.requests) and b.batch = p_fence.batch;
  update ingest.ingest_requests r set resume_at = null where r.id = any (p_fence.requests) and r.resume_at is not null;
  return true;
end
$$;

comment on function ingest.ingest_go_on(ingest.ingest_fence_v1) is
  'A parked batch runs again, and so does its request; false: its collection or its submitter has no room for that now. IG021 if another execution owns it.';
