create or replace function ingest.ingest_others_have_steps(p_executor text, p_queue text, p_pipeline text, p_request uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- Whoever of them takes it off the queue has it.
  select coalesce(bool_and(not ingest.ingest_has_other_steps(r, l.executor_id)), true)
  from ingest.ingest_requests r join ingest.ingest_listeners l
    on l.queue = p_queue and l.executor_id <> p_executor and l.pipeline = p_pipeline and ingest.ingest_seems_alive(l)
  where r.id = p_request;
$$;

comment on function ingest.ingest_others_have_steps(text, text, text, uuid) is
  'Whether all others that hear the same queues have a request''s own steps, in its versions: only then are its batches left there.';
