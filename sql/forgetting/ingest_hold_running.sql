create or replace function ingest.ingest_hold_running(p_collections text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- In the order of locks, behind documents: batches, then requests. What a step is writing just now is written before we look; the
-- next write finds what is kept out, or another owner.
begin
  perform from ingest.ingest_batches b
  where b.request_id in (select r.id from ingest.ingest_requests r where r.status = 'running' and r.collection = any (p_collections))
  order by b.request_id, b.batch for update;
  perform from ingest.ingest_requests r where r.status = 'running' and r.collection = any (p_collections) order by r.id for no key update;
end
$$;

comment on function ingest.ingest_hold_running(text[]) is 'Has all running work in some collections wait until this transaction ends.';
