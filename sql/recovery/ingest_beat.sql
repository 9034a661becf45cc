create or replace function ingest_beat(p_executor text, p_running int) returns boolean
language plpgsql set search_path from current
as $$
begin
  update ingest_listeners l set heartbeat_at = ingest_now(), running = p_running
  where l.executor_id = p_executor and l.dead_at is null;
  return found;
end
$$;

comment on function ingest_beat(text, int) is 'A listener''s sign of life; false: it was declared dead.';
