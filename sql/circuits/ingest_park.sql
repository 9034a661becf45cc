create or replace function ingest.ingest_park(p_fence ingest.ingest_fence_v1, p_error jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Lock order: the batch, then the request. If two batches park at the same time, the second one sees that the first has. What was
-- cancelled meanwhile is not parked: its end has passed by this batch, which was locked.
declare
  v_now timestamptz := ingest.ingest_now();
  v_until timestamptz;
  v_error jsonb;
begin
  perform ingest.ingest_as_system();
  select case when c.opened_at is not null then c.probe_at end, (c.error - 'place') || jsonb_build_object('service', c.service)
  into v_until, v_error
  from ingest.ingest_requests r
  left join ingest.ingest_batches b on b.request_id = r.id and b.batch = p_fence.batch
  join ingest.ingest_circuits c
    on (c.service, c.tenant) = (coalesce(p_error ->> 'service', b.waits_for, ingest.ingest_service_of(ingest.ingest_worked_settings(r.settings, r.collection, b.generation))), coalesce(r.settings ->> 'tenant', ''))
  where r.id = p_fence.requests[1];
  v_until := coalesce(v_until, v_now);
  update ingest.ingest_batches b
  set resume_at = v_until, next_attempt_at = v_until, last_error = coalesce(p_error, b.last_error, v_error),
      waits_for = coalesce(p_error ->> 'service', b.waits_for),
      -- What was read since then is progress; embedding records its own (ingest_note_embedded).
      waiting_since = case when exists (
          select from ingest.ingest_revisions v
          where v.request_id = b.request_id and v.batch = b.batch and v.loaded_at > b.waiting_since) then v_now
        else coalesce(b.waiting_since, v_now) end
  where b.request_id = any (p_fence.requests) and b.batch = p_fence.batch and b.owner = p_fence.owner;
  if not found then
    raise exception 'batch % of request % has another owner', p_fence.batch, p_fence.requests[1]
      using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  perform from ingest.ingest_requests r where r.id = any (p_fence.requests) and r.status = 'running' order by r.id for no key update;
  if not found then
    raise exception 'request % does not run any more', p_fence.requests[1] using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  update ingest.ingest_requests r set resume_at = v_until
  where r.id = any (p_fence.requests) and r.status = 'running' and not ingest.ingest_has_running_batch(r.id);
end
$$;

comment on function ingest.ingest_park(ingest.ingest_fence_v1, jsonb) is
  'Parks a batch until a service is back, and its request, if nothing else of it runs. p_error: why; null: as before, or as its circuit says.';
