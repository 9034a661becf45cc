create or replace function ingest.ingest_is_open(p_reservation ingest.ingest_reservations) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from ingest.ingest_batches b
    join ingest.ingest_requests r on r.id = b.request_id join ingest.ingest_listeners l on l.executor_id = b.executor_id
    where b.request_id = any (p_reservation.requests) and b.batch = p_reservation.batch and b.owner = p_reservation.owner
      and r.status = 'running' and l.dead_at is null);
$$;

comment on function ingest.ingest_is_open(ingest.ingest_reservations) is
  'Whether texts may be on their way still: their execution owns its batch, runs, and its listener is not dead. Else what was reserved is free again.';
