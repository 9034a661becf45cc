create or replace function ingest.ingest_claim(
  p_executor text, p_roots text[], p_space jsonb, p_most int, p_long int, p_new int, p_not jsonb, p_leaves boolean, p_turns jsonb
) returns table (id uuid, priority int, created_at timestamptz, source text, options jsonb, attempt int, share text,
                 submitter text, collection text, long boolean, turns jsonb)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Takes up to p_most requests that are due, up to p_long of them long ones. Rows that can't run now stand in no index that is read
-- here, or are skipped with the submitter and collection that they belong to.
#variable_conflict use_column
declare
  v_reading jsonb;
  v_silent boolean;
  v_knows_caps boolean;
  v_steps jsonb;
  v_ids uuid[];
  v_turns jsonb;
  v_capped boolean := exists (select from ingest.ingest_limits l where l.max_running is not null);
  v_rows int;
  v_claimed int := 0;
  v_prepared boolean := false;
  v_next timestamptz;
begin
  perform ingest.ingest_as_system();
  select jsonb_strip_nulls(jsonb_build_object('pipeline', l.pipeline, 'ocr', l.ocr)), l.heartbeat_at < ingest.ingest_now() - l.lease, l.knows_caps, l.steps
  into v_reading, v_silent, v_knows_caps, v_steps
  from ingest.ingest_listeners l where l.executor_id = p_executor and l.dead_at is null;
  if not found then
    raise exception 'listener % was declared dead', p_executor using errcode = 'IG020', constraint = 'declared_dead';
  end if;
  if v_silent then
    perform ingest.ingest_settle_in();  -- the cluster may have gone back to an earlier time under a listener
  end if;
  -- No EXISTS here either: with an hour-old count of what is due it would read the table.
  v_next := (select n.run_at from ingest.ingest_requests n where n.status = 'pending' and not n.due order by n.run_at limit 1);
  if v_next <= ingest.ingest_now() then
    perform ingest.ingest_promote_scheduled();
    v_next := (select n.run_at from ingest.ingest_requests n where n.status = 'pending' and not n.due order by n.run_at limit 1);
  end if;
  select k.ids, k.turns into v_ids, v_turns
  from ingest.ingest_pick_kinds(p_executor, ingest.ingest_folders(p_roots) || case when v_knows_caps then '{" knows caps"}'::text[] else '{}' end || ingest.ingest_step_marks(v_steps), p_space, p_most, p_long, p_new, p_not, p_leaves, p_turns) k;
  loop
    exit when cardinality(v_ids) = 0;
    return query
      update ingest.ingest_requests r
      set status = 'running', executor_id = p_executor, attempt = r.attempt + 1, started_at = ingest.ingest_now(),
          -- Its end rings, since it makes room for others.
          limited = c.max_running is not null or v_capped and ingest.ingest_most_running(coalesce(r.submitted_by, r.created_by)) is not null,
          settings = coalesce(r.settings, ingest.ingest_settings(c, s) || case when r.generation is null then '{}' else ingest.ingest_generation_settings(r.collection, r.generation) end || v_reading || ingest.ingest_step_versions(c.steps, v_steps)), error = null, finished_at = null,
          deadline_at = ingest.ingest_now() + (r.options ->> 'timeout_seconds')::float8 * interval '1 second'
      from ingest.ingest_collections c join ingest.ingest_spaces s on s.id = c.space_id
      where r.id = any (v_ids) and r.executor_id is null  -- pending, but by id: an index of what is pending may have grown since it was counted
        and c.name = r.collection
      returning r.id, r.priority, r.created_at, case when r.generation is null then r.source end, r.options, r.attempt, ingest.ingest_share_key(r),
                coalesce(r.submitted_by, r.created_by), r.collection, ingest.ingest_is_long(r), null::jsonb;
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
  turns := v_turns || jsonb_build_object('locked', (v_turns -> 'locked')::boolean or v_claimed < cardinality(v_ids),
                                         'next', case when isfinite(v_next) then extract(epoch from v_next - ingest.ingest_now())::float8 end);
  return next;
end
$$;

comment on function ingest.ingest_claim(text, text[], jsonb, int, int, int, jsonb, boolean, jsonb) is
  'Claims requests for a listener: IG020 if that was declared dead, IG025 if the database was restored. p_roots: its folders; p_space: the space of a new collection. '
  'The others: see ingest_pick_kinds. The last row has no id: its turns are what the next call begins with, and next the seconds until the '
  'next scheduled request is due. share: see ingest_share_key.';
