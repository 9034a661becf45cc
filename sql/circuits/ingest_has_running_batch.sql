create or replace function ingest.ingest_has_running_batch(p_request uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from ingest.ingest_batches b
    where b.request_id = p_request and b.owner is not null and b.finished_at is null and b.resume_at is null
      and exists (select from ingest.ingest_revisions v
                  where v.request_id = p_request and v.batch = b.batch and v.state in ('discovered', 'loaded', 'chunked')));
$$;

comment on function ingest.ingest_has_running_batch(uuid) is 'Whether a batch of a request is under way: begun, not through its steps, not parked.';
