create or replace function ingest.ingest_count_others(p_executor text, p_queue text, p_pipeline text) returns int
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select count(*)::int from ingest.ingest_listeners l
  where l.queue = p_queue and l.executor_id <> p_executor and l.dead_at is null and l.pipeline = p_pipeline
    and l.heartbeat_at > ingest.ingest_now() - l.lease;
$$;

comment on function ingest.ingest_count_others(text, text, text) is
  'How many other listeners are alive, run the same steps and hear the same queues: who may take a batch that is left on the queue.';
