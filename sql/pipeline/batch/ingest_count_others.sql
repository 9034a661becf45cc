create or replace function ingest.ingest_count_others(p_executor text, p_queue text, p_pipeline text, p_knowing boolean default false)
returns int
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- Whoever of them takes it off the queue has it.
  select case when p_knowing and not bool_and(l.knows_caps) then 0 else count(*) end::int from ingest.ingest_listeners l
  where l.queue = p_queue and l.executor_id <> p_executor and l.pipeline = p_pipeline and ingest.ingest_seems_alive(l);
$$;

comment on function ingest.ingest_count_others(text, text, text, boolean) is
  'How many other listeners are alive, run the same steps and hear the same queues: who may take a batch that is left on the queue. '
  'p_knowing: of a plan, or under a cap: none, if one of them knows nothing of these.';
