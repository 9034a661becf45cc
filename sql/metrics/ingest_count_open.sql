create or replace function ingest.ingest_count_open(out pending bigint, out scheduled bigint, out running bigint, out parked bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
-- Partial indexes hold what has not ended. Up to 10000 entries of each are counted; then VACUUM's count of it is good enough.
declare
  v_most constant int := 10000;
begin
  select count(*) into pending from (select from ingest.ingest_requests r where r.status = 'pending' and r.due limit v_most) w;
  if pending = v_most then
    select greatest(v_most, k.reltuples)::bigint into pending from pg_class k where k.oid = 'ingest.ingest_requests_turns_idx'::regclass;
  end if;
  select count(*) into scheduled from (select from ingest.ingest_requests r where r.status = 'pending' and not r.due limit v_most) w;
  if scheduled = v_most then
    select greatest(v_most, k.reltuples)::bigint into scheduled from pg_class k where k.oid = 'ingest.ingest_requests_scheduled_idx'::regclass;
  end if;
  select count(*) filter (where w.resume_at is null), count(*) filter (where w.resume_at is not null) into running, parked
  from (select r.resume_at from ingest.ingest_requests r where r.status = 'running' limit v_most) w;
end
$$;

comment on function ingest.ingest_count_open() is
  'Requests that have not ended: due, scheduled, running, and parked: these wait for a service. Reads no more than 10000 entries of an index.';
