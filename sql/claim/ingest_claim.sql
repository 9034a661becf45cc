create or replace function ingest.ingest_claim(
  p_executor text, p_limit int, p_roots text[], p_space jsonb, p_priority int default null, p_created_at timestamptz default null
) returns table (id uuid, priority int, created_at timestamptz, source text, options jsonb, attempt int, share text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Takes up to p_limit requests that are due, by priority, then age. Rows that can't run now stand in no index that is
-- read here: scheduled ones become due first, and those of a collection or a submitter with a limit wait in lanes of their own.
declare
  v_folders text[] := ingest.ingest_folders(p_roots);
  v_priority int := coalesce(p_priority, -2147483648);
  v_created_at timestamptz := coalesce(p_created_at, '-infinity');
  v_capped boolean := exists (select from ingest.ingest_limits l where l.max_running is not null);
  v_lanes boolean;
  v_reading jsonb;
  v_ids uuid[];
  v_rows int;
  v_claimed int := 0;
  v_prepared boolean := false;
begin
  perform ingest.ingest_as_system();
  select jsonb_strip_nulls(jsonb_build_object('pipeline', l.pipeline, 'ocr', l.ocr)) into v_reading
  from ingest.ingest_listeners l where l.executor_id = p_executor and l.dead_at is null;
  if not found then
    raise exception 'listener % was declared dead', p_executor using errcode = 'IG020', constraint = 'declared_dead';
  end if;
  -- No EXISTS here either: with an hour-old count of what is due it would read the table.
  if (select true from ingest.ingest_requests n where n.status = 'pending' and not n.due and n.run_at <= (select ingest.ingest_now())
      order by n.run_at limit 1) then
    perform ingest.ingest_promote_scheduled();
  end if;
  -- The lock in one statement, the look at what runs in a later one: else two listeners get the last place. (Collections are
  -- locked by ingest_pick_lanes.)
  v_lanes := (select true from ingest.ingest_requests r where r.status = 'pending' and r.due and r.limited
              order by r.collection, coalesce(r.submitted_by, r.created_by) limit 1);
  if v_lanes then
    if v_capped then
      perform from ingest.ingest_limits l where l.max_running is not null order by l.role for no key update;
    end if;
    v_ids := ingest.ingest_pick_lanes(p_limit, v_folders, v_priority, v_created_at);
  else
    v_ids := ingest.ingest_pick(p_limit, v_folders, v_priority, v_created_at);
  end if;
  if cardinality(v_ids) = 0 then
    return;
  end if;
  loop
    return query
      update ingest.ingest_requests r
      set status = 'running', executor_id = p_executor, attempt = r.attempt + 1, started_at = ingest.ingest_now(),
          settings = coalesce(r.settings, ingest.ingest_settings(c, s) || v_reading), error = null, finished_at = null,
          deadline_at = ingest.ingest_now() + (r.options ->> 'timeout_seconds')::float8 * interval '1 second'
      from ingest.ingest_collections c join ingest.ingest_spaces s on s.id = c.space_id
      where r.id = any (v_ids) and r.status = 'pending' and c.name = r.collection and (r.limited or not c.limited)
        and (r.limited or not v_capped or ingest.ingest_most_running(coalesce(r.submitted_by, r.created_by)) is null)
      returning r.id, r.priority, r.created_at, r.source, r.options, r.attempt, ingest.ingest_share_key(r);
    get diagnostics v_rows = row_count;
    v_claimed := v_claimed + v_rows;
    exit when v_claimed = cardinality(v_ids) or v_prepared;
    -- Seldom, and planning these statements costs as much as the claim: a collection that is new, or has no space yet.
    insert into ingest.ingest_collections (name, created_by)
    select distinct on (r.collection) r.collection, r.submitted_by::name from ingest.ingest_requests r
    where r.id = any (v_ids) and not exists (select from ingest.ingest_collections c where c.name = r.collection)
    order by r.collection, r.created_at on conflict do nothing;
    -- The lock looks again at the row: the first listener's space stays. One that somebody holds is left for later, with its requests.
    perform ingest.ingest_assign_space(c.name, p_space) from (
      select n.name from ingest.ingest_collections n
      where n.space_id is null and n.name in (select r.collection from ingest.ingest_requests r where r.id = any (v_ids))
      order by n.name for no key update skip locked) c;
    v_prepared := true;
  end loop;
  if v_claimed < cardinality(v_ids) then
    -- Inserted while its collection or submitter got its first limit: it moves to the lane where the limit counts.
    update ingest.ingest_requests r set limited = true from ingest.ingest_collections c
    where r.id = any (v_ids) and r.status = 'pending' and c.name = r.collection and not r.limited
      and (c.limited or v_capped and ingest.ingest_most_running(coalesce(r.submitted_by, r.created_by)) is not null);
  end if;
end
$$;

comment on function ingest.ingest_claim(text, int, text[], jsonb, int, timestamptz) is
  'Claims requests for a listener: IG020 if that was declared dead. p_roots: its folders; p_space: the space of a new collection. '
  'p_priority, p_created_at: the place in the line to look from, for requests of collections without a limit; null: all of it. '
  'share: see ingest_share_key.';
