create or replace function ingest.ingest_pick_limited(
  p_collections text[], p_limit int, p_folders text[], p_priority int, p_created_at timestamptz
) returns uuid[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Looks first, then locks from each lane exactly as many as it takes: a row that is locked and left over would be
-- skipped by a listener that then falls asleep.
declare
  v_ids uuid[] := '{}';
  v_lane record;
begin
  for v_lane in
    select seen.lane, count(*)::int as places from (
      (select null as lane, r.priority, r.created_at, r.id from ingest.ingest_requests r
       where r.status = 'pending' and r.due and not r.limited and (r.priority, r.created_at) >= (p_priority, p_created_at)
         and (ingest.ingest_locator(r) is null or ingest.ingest_locator(r) || '/' ^@ any (p_folders))
       order by r.priority, r.created_at, r.id limit p_limit)
      union all
      select c.name, r.priority, r.created_at, r.id
      from ingest.ingest_collections c
      cross join lateral (
        select n.priority, n.created_at, n.id from ingest.ingest_requests n
        where n.status = 'pending' and n.due and n.limited and n.collection = c.name
          and (ingest.ingest_locator(n) is null or ingest.ingest_locator(n) || '/' ^@ any (p_folders))
        order by n.priority, n.created_at, n.id
        limit greatest(0, least(p_limit, c.max_running - (
          select count(*) from ingest.ingest_requests a where a.status = 'running' and a.collection = c.name)))) r
      where c.name = any (p_collections)
      order by 2, 3, 4 limit p_limit) seen
    group by seen.lane order by seen.lane nulls first
  loop
    if v_lane.lane is null then
      v_ids := v_ids || ingest.ingest_pick(v_lane.places, p_folders, p_priority, p_created_at);
    else
      v_ids := v_ids || array(
        select r.id from ingest.ingest_requests r
        where r.status = 'pending' and r.due and r.limited and r.collection = v_lane.lane
          and (ingest.ingest_locator(r) is null or ingest.ingest_locator(r) || '/' ^@ any (p_folders))
        order by r.priority, r.created_at, r.id limit v_lane.places
        for update skip locked);
    end if;
  end loop;
  return v_ids;
end
$$;

comment on function ingest.ingest_pick_limited(text[], int, text[], int, timestamptz) is
  'Locks the next due requests where some are of collections with a limit, whose rows the caller has locked.';
