create or replace function ingest.ingest_pick_kinds(
  p_executor text, p_folders text[], p_space jsonb, p_most int, p_long int, p_new int, p_not jsonb, p_leaves boolean, p_turns jsonb,
  out ids uuid[], out turns jsonb
) returns record
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_sort = off
as $$
-- Small texts and long requests have places, and turns, of their own. Where they compete for the last places, the more urgent
-- kind goes first, and among equals the kind that was second last time. What it calls plans its statements here: once for a
-- session, along the index, however small the table was then and however large it has become.
declare
  v_capped boolean := exists (select from ingest.ingest_limits l where l.max_running is not null);
  v_space jsonb := case when exists (select from ingest.ingest_circuits) then p_space end;
  v_urgent int := ingest.ingest_next_priority(false, (-2147483648)::bigint);
  v_urgent_long int := ingest.ingest_next_priority(true, (-2147483648)::bigint);
  v_long_first boolean := coalesce(v_urgent_long < v_urgent
                                   or v_urgent_long = v_urgent and not coalesce((p_turns -> 'long_first')::boolean, false), false);
  v_share int;
  v_waiting int;
  v_take int := p_long;
  v_not jsonb := '{}';
  v_long boolean;
  v_most int;
  v_found int;
  v_rooms jsonb := '{}';
  v_picked record;
begin
  ids := '{}';
  turns := p_turns || jsonb_build_object('long_first', v_long_first, 'locked', false, 'looks', 0, 'more', false, 'left', false);
  if v_urgent_long is not null and p_long > 0 and p_leaves then
    select o.most, o.waiting into v_share, v_waiting from ingest.ingest_share_of_long(p_executor) o;
    v_take := least(p_long, v_share);
  elsif p_long = 0 then
    v_take := p_new;  -- of those only that have none at work here
    v_not := p_not;
  end if;
  foreach v_long in array array[v_long_first, not v_long_first] loop
    v_most := least(p_most - cardinality(ids), case when v_long then v_take else p_most end);
    continue when case when v_long then v_urgent_long else v_urgent end is null;
    v_found := 0;
    if v_most > 0 then
      v_picked := ingest.ingest_pick(
        v_long, v_most, p_folders, case when v_long then v_not else coalesce(p_turns -> 'quick' -> 'not', '{}') end, v_capped,
        v_space, coalesce(p_turns -> case when v_long then 'long' else 'quick' end, '{}'), false, v_rooms);
      v_rooms := v_picked.rooms;
      ids := ids || v_picked.ids;
      v_found := cardinality(v_picked.ids);
      turns := turns || jsonb_build_object(
        case when v_long then 'long' else 'quick' end, v_picked.turn, 'locked', (turns -> 'locked')::boolean or v_picked.locked,
        'looks', greatest((turns ->> 'looks')::int, v_picked.looks));
    end if;
    if v_long then
      turns := turns || jsonb_build_object(
        'more', p_long = 0 or v_found >= v_most, 'left', coalesce(v_take < p_long and v_waiting > v_found, false));
    end if;
  end loop;
end
$$;

comment on function ingest.ingest_pick_kinds(text, text[], jsonb, int, int, int, jsonb, boolean, jsonb) is
  'Locks up to p_most due requests, up to p_long of them long ones; without a place for these, up to p_new of submitters and '
  'collections that are not in p_not; small texts of those that are not in quick.not of p_turns. p_leaves: not more than a listener''s share of them. turns: whose turn it is, of each kind; '
  'more: long ones may be left; left: they are, for other listeners; locked, looks: see ingest_pick.';
