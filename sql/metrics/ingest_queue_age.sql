create or replace function ingest.ingest_queue_age() returns interval
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
-- From the first request of one collection, submitter and priority to that of the next: a look-up each, whatever waits in between.
begin
  return (
    with recursive heads as (
      (select r as head, 1 as looks from ingest.ingest_requests r
       where r.status = 'pending' and r.due
       order by ingest.ingest_is_long(r), r.priority, coalesce(r.submitted_by, r.created_by), r.collection, r.created_at, r.id limit 1)
      union all
      select n.head, h.looks + 1
      from heads h cross join lateral (
        select r as head from ingest.ingest_requests r
        where r.status = 'pending' and r.due
          and (ingest.ingest_is_long(r), r.priority, coalesce(r.submitted_by, r.created_by), r.collection)
            > (ingest.ingest_is_long(h.head), (h.head).priority, coalesce((h.head).submitted_by, (h.head).created_by), (h.head).collection)
        order by ingest.ingest_is_long(r), r.priority, coalesce(r.submitted_by, r.created_by), r.collection, r.created_at, r.id limit 1) n
      where h.looks < 500)
    -- One that was put back to pending has waited since then.
    select coalesce(greatest(ingest.ingest_now() - min(greatest((h.head).created_at, (h.head).run_at, b.at)), interval '0'), interval '0')
    from heads h left join lateral (
      select max(k.created_at) as at from ingest.ingest_commands k where k.request_id = (h.head).id and (h.head).attempt > 0) b on true);
end
$$;

comment on function ingest.ingest_queue_age() is
  'For how long the oldest pending request has been due, among the first of each collection, submitter and priority; 0: none is.';
