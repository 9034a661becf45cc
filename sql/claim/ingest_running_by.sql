create or replace function ingest.ingest_running_by(p_submitter text) returns int
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select count(*)::int from ingest.ingest_requests r
  where r.status = 'running' and r.resume_at is null and coalesce(r.submitted_by, r.created_by) = p_submitter;
$$;

comment on function ingest.ingest_running_by(text) is 'How many requests of a submitter run, as its limit counts them: parked ones don''t.';
