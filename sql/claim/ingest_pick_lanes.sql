create or replace function ingest.ingest_pick_lanes(p_limit int, p_folders text[], p_priority int, p_created_at timestamptz) returns uuid[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
-- Looks first, then locks from each lane exactly as many as it takes: a row that is locked and left over would be
-- skipped by a listener that then falls asleep. Lanes without room are passed by unread.
declare
  v_ids uuid[] := '{}';
  v_mine text[];                                             -- collections with a limit that are locked
  v_collections text[]; v_submitters text[]; v_room int[];   -- of each lane
  v_collection int[]; v_submitter int[];                     -- of each lane: its place in the next two
  v_of_collection int[]; v_of_submitter int[];               -- how many more may run
  v_taken int[];                                             -- from each lane
  v_free int := 0;                                           -- from that of what has no limit
  v_one record;
begin
  -- Never waits: an operator may leave a transaction open that has changed its collection. What is not locked is left out;
  -- ingest_left_locked tells that it is there. The look at what runs comes in a later statement.
  v_mine := array(
    select c.name from ingest.ingest_collections c
    where c.max_running is not null and (
      -- No EXISTS: that became a join, over all of a full collection's rows. Ordered, so that it goes along the index.
      select true from ingest.ingest_requests r where r.status = 'pending' and r.due and r.limited and r.collection = c.name
      order by coalesce(r.submitted_by, r.created_by), r.priority, r.created_at, r.id limit 1)
    order by c.name for no key update skip locked);
  with lane as materialized (
    select a.*, row_number() over (order by a.collection, a.submitter) as n,
           dense_rank() over (order by a.collection) as c, dense_rank() over (order by a.submitter) as s
    from ingest.ingest_lanes() a where least(a.of_collection, a.of_submitter) > 0
      and (a.of_collection = 2147483647 or a.collection = any (v_mine)))
  select array_agg(l.collection order by l.n), array_agg(l.submitter order by l.n),
         array_agg(least(p_limit, l.of_collection, l.of_submitter) order by l.n),
         array_agg(l.c order by l.n), array_agg(l.s order by l.n), array_agg(0),
         array(select a.of_collection from lane a group by a.c, a.of_collection order by a.c),
         array(select a.of_submitter from lane a group by a.s, a.of_submitter order by a.s)
  into v_collections, v_submitters, v_room, v_collection, v_submitter, v_taken, v_of_collection, v_of_submitter
  from lane l;
  if v_collections is null then
    return ingest.ingest_pick(p_limit, p_folders, p_priority, p_created_at);
  end if;
  for v_one in
    (select 0 as lane, r.priority, r.created_at, r.id from ingest.ingest_requests r
     where r.status = 'pending' and r.due and not r.limited and (r.priority, r.created_at) >= (p_priority, p_created_at)
       and (ingest.ingest_locator(r) is null or ingest.ingest_locator(r) || '/' ^@ any (p_folders))
     order by r.priority, r.created_at, r.id limit p_limit)
    union all
    (select l.lane, n.priority, n.created_at, n.id
     from unnest(v_collections, v_submitters, v_room) with ordinality as l (collection, submitter, room, lane)
     cross join lateral (
       select r.priority, r.created_at, r.id from ingest.ingest_requests r
       where r.status = 'pending' and r.due and r.limited and r.collection = l.collection
         and coalesce(r.submitted_by, r.created_by) = l.submitter
         and (ingest.ingest_locator(r) is null or ingest.ingest_locator(r) || '/' ^@ any (p_folders))
       order by r.priority, r.created_at, r.id limit l.room) n)
    order by 2, 3, 4
  loop
    exit when p_limit = 0;
    if v_one.lane = 0 then
      v_free := v_free + 1;
    else
      continue when least(v_of_collection[v_collection[v_one.lane]], v_of_submitter[v_submitter[v_one.lane]]) = 0;
      v_of_collection[v_collection[v_one.lane]] := v_of_collection[v_collection[v_one.lane]] - 1;
      v_of_submitter[v_submitter[v_one.lane]] := v_of_submitter[v_submitter[v_one.lane]] - 1;
      v_taken[v_one.lane] := v_taken[v_one.lane] + 1;
    end if;
    p_limit := p_limit - 1;
  end loop;
  if v_free > 0 then
    v_ids := ingest.ingest_pick(v_free, p_folders, p_priority, p_created_at);
  end if;
  for v_lane in 1 .. coalesce(cardinality(v_taken), 0) loop
    continue when v_taken[v_lane] = 0;
    v_ids := v_ids || array(
      select r.id from ingest.ingest_requests r
      where r.status = 'pending' and r.due and r.limited and r.collection = v_collections[v_lane]
        and coalesce(r.submitted_by, r.created_by) = v_submitters[v_lane]
        and (ingest.ingest_locator(r) is null or ingest.ingest_locator(r) || '/' ^@ any (p_folders))
      order by r.priority, r.created_at, r.id limit v_taken[v_lane]
      for update skip locked);
  end loop;
  return v_ids;
end
$$;

comment on function ingest.ingest_pick_lanes(int, text[], int, timestamptz) is
  'Locks the next due requests where some are of collections or submitters with a limit; the caller has locked what says so.';
