create or replace function ingest.ingest_now() returns timestamptz
language sql volatile parallel safe
return clock_timestamp();

comment on function ingest.ingest_now() is
  'The one clock: leases, deadlines and schedules ask it. A test replaces it, and need not wait.';
