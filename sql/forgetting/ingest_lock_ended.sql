create or replace function ingest.ingest_lock_ended(p_requests uuid[], p_age interval) returns setof uuid
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select r.id from ingest.ingest_requests r
  where r.id = any (p_requests) and r.finished_at < ingest.ingest_now() - p_age order by r.id for no key update skip locked;
$$;

comment on function ingest.ingest_lock_ended(uuid[], interval) is 'Those of some requests that ended longer ago than that; locked until the transaction ends.';
