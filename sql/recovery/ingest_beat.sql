create or replace function ingest.ingest_beat(p_executor text, p_running int) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_settle_in();  -- the cluster may have gone back to an earlier time under a listener
  update ingest.ingest_listeners l set heartbeat_at = ingest.ingest_now(), running = p_running
  where l.executor_id = p_executor and l.dead_at is null;
  return found;
end
$$;

comment on function ingest.ingest_beat(text, int) is 'A listener''s sign of life; false: it was declared dead. IG025: see ingest_settle_in.';
