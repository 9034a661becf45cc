create or replace function ingest.ingest_seconds_until_due() returns float8
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select extract(epoch from min(r.run_at) - ingest.ingest_now())::float8
  from ingest.ingest_requests r where r.status = 'pending' and not r.due and r.run_at < 'infinity';
$$;

comment on function ingest.ingest_seconds_until_due() is 'For listeners of the former release: seconds until the next scheduled request is due; null: none is scheduled.';
