create or replace function ingest.ingest_declare_dead(p_judge text) returns setof text
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_listeners l set dead_at = ingest.ingest_now()
  where l.dead_at is null and l.heartbeat_at < ingest.ingest_now() - l.lease and l.executor_id <> p_judge
    -- A judge that was held up itself has not heard the others since.
    and exists (select from ingest.ingest_listeners j where j.executor_id = p_judge and j.dead_at is null
                and j.heartbeat_at > ingest.ingest_now() - j.lease / 2)
  returning l.executor_id;
$$;

comment on function ingest.ingest_declare_dead(text) is 'Declares dead the listeners whose lease has passed; returns them.';
