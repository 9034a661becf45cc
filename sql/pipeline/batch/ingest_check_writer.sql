create or replace function ingest.ingest_check_writer(p_fence ingest.ingest_fence_v1) returns uuid[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Like ingest_check_owner, but the owner's own writes wait neither for each other nor for the batch's counts. So whoever takes a
-- batch from its owner locks it FOR UPDATE: what is being written is then written before.
declare
  v_owned uuid[];
begin
  perform ingest.ingest_wait_briefly(p_fence.requests);
  v_owned := array(
    select b.request_id from ingest.ingest_batches b
    where b.request_id = any (p_fence.requests) and b.batch = p_fence.batch and b.owner = p_fence.owner
    order by b.request_id for key share);
  if cardinality(v_owned) = 0 then
    raise exception 'batch % of request % has another owner', p_fence.batch, p_fence.requests[1]
      using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  return v_owned;
end
$$;

comment on function ingest.ingest_check_writer(ingest.ingest_fence_v1) is
  'The fence of writing chunks, several at a time: those of its requests whose batch the execution owns; IG021 if it is none of them.';
