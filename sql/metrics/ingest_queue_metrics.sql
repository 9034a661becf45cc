create or replace function ingest.ingest_queue_metrics() returns table (name text, label text, value float8)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
-- Partial indexes hold what has not ended. Up to 10000 entries of each are counted; then VACUUM's count of it is good enough.
declare
  v_most constant int := 10000;
  v_alive int;
  v_free int;
  v_folders text[];
  v_waiting bigint;
begin
  select count(*), coalesce(sum(greatest(l.capacity - l.running, 0)), 0),
         coalesce((select array_agg(distinct f.folder) from ingest.ingest_listeners o cross join unnest(ingest.ingest_folders(o.roots)) as f (folder)
                   where ingest.ingest_seems_alive(o)), '{}')
  into v_alive, v_free, v_folders
  from ingest.ingest_listeners l where ingest.ingest_seems_alive(l);
  select count(*) into v_waiting from (select from ingest.ingest_requests r where r.status = 'pending' and r.due limit v_most) w;
  return query
    with running as materialized (
      select w.collection, w.submitter, w.is_parked, count(*) as requests
      from (select r.collection, coalesce(r.submitted_by, r.created_by) as submitter, r.resume_at is not null as is_parked
            from ingest.ingest_requests r where r.status = 'running' limit v_most) w
      group by w.collection, w.submitter, w.is_parked
    ), waiting as materialized (
      select w.collection, w.submitter, w.locator is null or w.locator || '/' ^@ any (v_folders) as is_readable, count(*) as requests
      from (select r.collection, coalesce(r.submitted_by, r.created_by) as submitter, ingest.ingest_locator(r) as locator
            from ingest.ingest_requests r where r.status = 'pending' and r.due limit v_most) w
      group by w.collection, w.submitter, w.locator is null or w.locator || '/' ^@ any (v_folders)
    ), full_collections as materialized (
      select c.name from (select distinct w.collection from waiting w) w join ingest.ingest_collections c on c.name = w.collection
      where c.max_running <= (select coalesce(sum(r.requests), 0) from running r where r.collection = c.name and not r.is_parked)
    ), full_submitters as materialized (
      select s.submitter from (select distinct w.submitter from waiting w) s
      where ingest.ingest_most_running(s.submitter)
            <= (select coalesce(sum(r.requests), 0) from running r where r.submitter = s.submitter and not r.is_parked)
    ), away as materialized (
      select k.name from ingest.ingest_circuits c
      join ingest.ingest_spaces s on ingest.ingest_service(s) = c.service
      join ingest.ingest_collections k on k.space_id = s.id and k.tenant = c.tenant
    ), judged as (
      select case when v_alive = 0 then 'listener'
                  when not w.is_readable then 'root'
                  when w.collection in (select a.name from away a) then 'service'
                  when w.collection in (select f.name from full_collections f) then 'collection'
                  when w.submitter in (select f.submitter from full_submitters f) then 'submitter'
                  when v_free = 0 then 'capacity' else 'turn' end as reason, w.requests
      from waiting w
    ), pending as (
      select case when v_waiting < v_most then v_waiting
             else greatest(v_most, (select k.reltuples from pg_class k where k.oid = 'ingest.ingest_requests_turns_idx'::regclass)) end as requests
    ), scheduled as (
      select case when count(*) < v_most then count(*)
             else greatest(v_most, (select k.reltuples from pg_class k where k.oid = 'ingest.ingest_requests_scheduled_idx'::regclass)) end as requests
      from (select from ingest.ingest_requests r where r.status = 'pending' and not r.due limit v_most) w
    )
    select 'ingest_requests_open', 'scheduled', s.requests::float8 from scheduled s
    union all select 'ingest_requests_open', 'pending', p.requests::float8 from pending p
    union all
    select 'ingest_requests_open', o.state, coalesce((select sum(r.requests) from running r where r.is_parked = (o.state = 'parked')), 0)::float8
    from (values ('running'), ('parked')) as o (state)
    union all  -- the first of a long line stand for all of it
    select 'ingest_requests_waiting', o.reason,
           coalesce((select sum(j.requests) from judged j where j.reason = o.reason), 0) * (p.requests::float8 / greatest(v_waiting, 1))
    from (values ('listener'), ('root'), ('service'), ('collection'), ('submitter'), ('capacity'), ('turn')) as o (reason) cross join pending p
    union all select 'ingest_queue_age_seconds', null, extract(epoch from ingest.ingest_queue_age())::float8;
end
$$;

comment on function ingest.ingest_queue_metrics() is 'Unfinished requests, by state and by what they wait for. Reads at most 10000 entries of an index.';
