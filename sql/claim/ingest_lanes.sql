create or replace function ingest.ingest_lanes()
returns table (collection text, submitter text, of_collection int, of_submitter int)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_sort = off
as $$
-- From one lane to the next along the index, whatever waits in each.
#variable_conflict use_column
begin
  return query
    with recursive lane as (
      (select r.collection, coalesce(r.submitted_by, r.created_by) as submitter from ingest.ingest_requests r
       where r.status = 'pending' and r.due and r.limited order by r.collection, coalesce(r.submitted_by, r.created_by) limit 1)
      union all
      select n.collection, n.submitter from lane l cross join lateral (
        select r.collection, coalesce(r.submitted_by, r.created_by) as submitter from ingest.ingest_requests r
        where r.status = 'pending' and r.due and r.limited
          and (r.collection, coalesce(r.submitted_by, r.created_by)) > (l.collection, l.submitter)
        order by r.collection, coalesce(r.submitted_by, r.created_by) limit 1) n
    ), running as materialized (
      select r.collection, coalesce(r.submitted_by, r.created_by) as submitter, count(*)::int as running
      from ingest.ingest_requests r where r.status = 'running' group by 1, 2
    ), in_collection as materialized (
      select l.collection, case when c.max_running is not null then greatest(0, c.max_running - coalesce((
               select sum(n.running) from running n where n.collection = l.collection), 0))::int else 2147483647 end as room
      from (select distinct a.collection from lane a) l left join ingest.ingest_collections c on c.name = l.collection
    ), of_role as materialized (
      select l.submitter, case when l.most is not null then greatest(0, l.most - coalesce((
               select sum(n.running) from running n where n.submitter = l.submitter), 0))::int else 2147483647 end as room
      from (select d.submitter, ingest.ingest_most_running(d.submitter) as most from (select distinct a.submitter from lane a) d) l
    )
    select l.collection, l.submitter, i.room, o.room
    from lane l join in_collection i on i.collection = l.collection join of_role o on o.submitter = l.submitter;
end
$$;

comment on function ingest.ingest_lanes() is
  'Where requests wait that are counted before they run: of which collection and submitter, and how many more of each may run.';
