create or replace function ingest_check_owner(p_request uuid, p_batch int, p_owner uuid, p_step text) returns void
language plpgsql set search_path from current
as $$
-- The row lock makes a new owner wait for the transaction that asks: what it writes is written before the change.
begin
  update ingest_batches b set step = p_step, last_error = null, next_attempt_at = null
  where b.request_id = p_request and b.batch = p_batch and b.owner = p_owner;
  if not found then
    raise exception 'batch % of request % has another owner', p_batch, p_request
      using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
end
$$;

comment on function ingest_check_owner(uuid, int, uuid, text) is 'The fence of every write of a step: IG021 if another execution owns the batch. p_step: what the batch does from here on.';
