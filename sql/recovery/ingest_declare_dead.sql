create or replace function ingest.ingest_declare_dead(p_judge text) returns setof text
language sql set search_path = pg_catalog, pg_temp
as $$
  -- The dead's sessions are ended too: one that hangs in a transaction would hold its locks.
  with dead as (
    update ingest.ingest_listeners l set dead_at = ingest.ingest_now()
    where l.dead_at is null and l.heartbeat_at < ingest.ingest_now() - l.lease and l.executor_id <> p_judge
      -- A judge that was held up itself has not heard the others since.
      and exists (select from ingest.ingest_listeners j where j.executor_id = p_judge and j.dead_at is null
                  and j.heartbeat_at > ingest.ingest_now() - j.lease / 2)
    returning l.executor_id
  ), ended as (
    select count(pg_terminate_backend(a.pid)) from dead
    join pg_stat_activity a on a.application_name = left('ingest ' || dead.executor_id, 63) and a.usename = current_user
      and a.datname = current_database()
  )
  select dead.executor_id from dead, ended;
$$;

comment on function ingest.ingest_declare_dead(text) is 'Declares dead the listeners whose lease has passed; returns them.';
