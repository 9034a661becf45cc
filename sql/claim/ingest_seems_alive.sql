create or replace function ingest.ingest_seems_alive(p_listener ingest.ingest_listeners) returns boolean
language sql volatile
return p_listener.dead_at is null and p_listener.heartbeat_at > ingest.ingest_now() - p_listener.lease;

comment on function ingest.ingest_seems_alive(ingest.ingest_listeners) is
  'Whether a listener has not been declared dead, and gave a sign of life within its lease. Written out by the planner, as if it stood there.';
