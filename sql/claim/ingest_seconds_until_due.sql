create or replace function ingest_seconds_until_due() returns float8
language sql volatile set search_path from current
as $$
  select extract(epoch from min(r.run_at) - ingest_now())::float8
  from ingest_requests r where r.status = 'pending' and not r.due;
$$;

comment on function ingest_seconds_until_due() is 'Seconds until the next scheduled request is due; null: none is scheduled.';
