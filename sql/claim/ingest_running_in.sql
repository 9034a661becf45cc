create or replace function ingest.ingest_running_in(p_collection text) returns int
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select count(*)::int from ingest.ingest_requests r
  where r.status = 'running' and r.resume_at is null and r.collection = p_collection and (r.generation is null or ingest.ingest_is_plan(r));
$$;

comment on function ingest.ingest_running_in(text) is 'How many requests of a collection run, as its limit counts them: parked ones don''t, nor does one that makes a generation, for days perhaps.';
