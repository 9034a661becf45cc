create or replace function ingest.ingest_check_owner(p_fence ingest.ingest_fence_v1, p_step text) returns uuid[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- The row lock makes a new owner wait for the transaction that asks: what it writes is written before the change.
declare
  v_owned uuid[];
begin
  perform ingest.ingest_wait_briefly(p_fence.requests);
  v_owned := array(
    select b.request_id from ingest.ingest_batches b
    where b.request_id = any (p_fence.requests) and b.batch = p_fence.batch and b.owner = p_fence.owner
    order by b.request_id for no key update);
  if cardinality(v_owned) = 0 then
    raise exception 'batch % of request % has another owner', p_fence.batch, p_fence.requests[1]
      using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  update ingest.ingest_batches b
  set step = p_step, last_error = null, next_attempt_at = null,
      -- A wait is over: its speed is counted from here.
      begun_at = case when b.last_error is null then b.begun_at else ingest.ingest_now() end,
      begun_remaining = case when b.last_error is null then b.begun_remaining else b.remaining end
  where b.request_id = any (v_owned) and b.batch = p_fence.batch
    and (b.step is distinct from p_step or b.last_error is not null or b.next_attempt_at is not null);
  return v_owned;
end
$$;

comment on function ingest.ingest_check_owner(ingest.ingest_fence_v1, text) is
  'The fence of every write of a step: those of its requests whose batch the execution owns; IG021 if it is none of them. p_step: what the batch does from here on.';
