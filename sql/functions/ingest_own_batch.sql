create or replace function ingest_own_batch(p_request uuid, p_batch int, p_executor text, p_owner uuid) returns boolean
language plpgsql set search_path from current
as $$
begin
  update ingest_batches b set owner = p_owner, executor_id = p_executor, step = 'load'
  where b.request_id = p_request and b.batch = p_batch
    and exists (select from ingest_listeners l where l.executor_id = p_executor and l.dead_at is null)
    and exists (select from ingest_requests r where r.id = p_request and r.status = 'running');
  return found;
end
$$;

comment on function ingest_own_batch(uuid, int, text, uuid) is
  'Makes p_owner the only execution that may write for a batch; false if the request does not run or the listener is dead.';
