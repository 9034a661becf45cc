create or replace function ingest.ingest_own_batch(p_request uuid, p_batch int, p_executor text, p_owner uuid, p_most_crashes int default 3)
returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Crashes are those of listeners that were declared dead, each without progress since the batch was taken. What is parked does
-- nothing, so it kills nobody.
declare
  v_batch ingest.ingest_batches;
  v_mark bigint;
begin
  select b.* into v_batch from ingest.ingest_batches b where b.request_id = p_request and b.batch = p_batch for update;
  if v_batch.request_id is null
     or not exists (
       select from ingest.ingest_requests r join ingest.ingest_listeners l on l.pipeline = r.settings ->> 'pipeline'
       where r.id = p_request and r.status = 'running' and l.executor_id = p_executor and l.dead_at is null
         and ingest.ingest_may_run(r, p_executor, false) and not ingest.ingest_has_other_steps(r, p_executor)) then
    return null;
  end if;
  if v_batch.owner is not null and v_batch.resume_at is null and exists (
       select from ingest.ingest_listeners l where l.executor_id = v_batch.executor_id and l.dead_at is not null) then
    v_mark := ingest.ingest_mark(p_request, p_batch);
    v_batch.crashes := case when v_mark > v_batch.mark and v_batch.alone is null then 0 else v_batch.crashes + 1 end;
    if v_batch.alone is not null then
      perform ingest.ingest_blame(v_batch);
    end if;
  end if;
  if v_batch.alone is not null or v_batch.remaining is null then  -- null: a former release made it
    perform ingest.ingest_count_batches(array[p_request], p_batch, false);
  end if;
  perform ingest.ingest_leave_generations(array[p_request], p_batch);
  update ingest.ingest_batches b
  set owner = p_owner, executor_id = p_executor, step = 'load', crashes = v_batch.crashes, alone = null,
      mark = ingest.ingest_mark(p_request, p_batch), begun_at = ingest.ingest_now(), begun_remaining = b.remaining, moved_at = null
  where b.request_id = p_request and b.batch = p_batch;
  return case when v_batch.crashes >= p_most_crashes then 'alone' else 'together' end;
end
$$;

comment on function ingest.ingest_own_batch(uuid, int, text, uuid, int) is
  'Makes p_owner the only execution that may write for a batch; null if the request does not run or the listener is dead. '
  '''alone'': listeners died over it without progress, so its documents are to be tried one by one.';
