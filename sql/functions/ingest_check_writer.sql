create or replace function ingest_check_writer(p_request uuid, p_batch int, p_owner uuid) returns void
language plpgsql set search_path from current
as $$
-- Like ingest_check_owner, but the owner's own writes need not wait for each other. Nothing of the batch may be updated
-- later in the same transaction: two of them would deadlock.
begin
  perform from ingest_batches b where b.request_id = p_request and b.batch = p_batch and b.owner = p_owner for share;
  if not found then
    raise exception 'batch % of request % has another owner', p_batch, p_request
      using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
end
$$;

comment on function ingest_check_writer(uuid, int, uuid) is 'The fence of writing chunks, several at a time: IG021 if another execution owns the batch.';
