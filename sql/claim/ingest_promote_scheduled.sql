create or replace function ingest.ingest_promote_scheduled() returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_as_system();
  update ingest.ingest_requests r set due = true
  where r.id in (
    select n.id from ingest.ingest_requests n
    where n.status = 'pending' and not n.due and n.run_at <= (select ingest.ingest_now())
    order by n.run_at limit 1000
    for update skip locked);
$$;

comment on function ingest.ingest_promote_scheduled() is 'Makes due what was scheduled for a time that has come.';
