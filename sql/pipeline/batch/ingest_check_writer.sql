create or replace function ingest_check_writer(p_requests uuid[], p_batch int, p_owner uuid) returns uuid[]
language plpgsql set search_path from current
as $$
-- Like ingest_check_owner, but the owner's own writes need not wait for each other. Nothing of the batch may be updated
-- later in the same transaction: two of them would deadlock.
declare
  v_owned uuid[];
begin
  perform ingest_wait_briefly(p_requests);
  v_owned := array(
    select b.request_id from ingest_batches b
    where b.request_id = any (p_requests) and b.batch = p_batch and b.owner = p_owner order by b.request_id for share);
  if cardinality(v_owned) = 0 then
    raise exception 'batch % of request % has another owner', p_batch, p_requests[1]
      using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  return v_owned;
end
$$;

comment on function ingest_check_writer(uuid[], int, uuid) is
  'The fence of writing chunks, several at a time: those of the requests whose batch p_owner owns; IG021 if it is none of them.';
