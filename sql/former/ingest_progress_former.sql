create or replace function ingest.ingest_progress(
  p_request ingest.ingest_requests, out total int, out done int, out skipped int, out failed int, out percent numeric,
  out rate numeric, out seconds numeric
) returns record
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select p.total, p.done, p.skipped, p.failed, p.percent, p.rate,
         extract(epoch from coalesce(p_request.finished_at, ingest.ingest_now()) - p_request.started_at)
  from ingest.ingest_progress_of(p_request) p;
$$;

comment on function ingest.ingest_progress(ingest.ingest_requests) is
  'For listeners of the former release: what the view of then asked. ingest_progress_of.';
