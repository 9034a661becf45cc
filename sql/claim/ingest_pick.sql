create or replace function ingest.ingest_pick(
  p_long boolean, p_most int, p_folders text[], p_not jsonb, p_capped boolean, p_space jsonb, inout turn jsonb, inout locked boolean,
  inout rooms jsonb, out ids uuid[], out looks int
) returns record
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- From the most urgent priority on, once around the submitters who have requests of it, then around each one's collections.
-- An index has this order: a look goes straight to where the next turn begins, whatever else waits.
declare
  -- The last call found nothing with all of its looks: now it is the turn of what is less urgent, if there is any.
  v_from text := case when ingest.ingest_next_priority(p_long, (turn ->> 'from')::bigint) is not null then turn ->> 'from' end;
  v_turn jsonb := case when v_from is null then turn else coalesce(turn -> 'below' -> v_from, '{}') end;
  v_submitter text := coalesce(v_turn ->> 'submitter', '');
  v_left int := coalesce((v_turn ->> 'left')::int, 0);       -- of the turns that its weight gives it
  v_after jsonb := coalesce(v_turn -> 'collections', '{}');  -- of each submitter: the collection whose turn was last
  v_again jsonb := coalesce(v_turn -> 'again', '{}');        -- and what that one has left of the turns that its weight gives it
  v_few int := greatest(1, p_most / 8);
  v_priority int := ingest.ingest_next_priority(p_long, coalesce(v_from::bigint, -2147483648));
  v_next text;
  v_stop text;  -- where a circle began that has brought nothing so far
  v_picked record;
  v_ids uuid[];
begin
  looks := 0;
  ids := '{}';
  if p_not = '{}' and turn ->> 'stay' is not null then
    v_picked := ingest.ingest_pick_on(p_long, p_most, p_folders, p_capped, p_space, turn -> 'stay', rooms);
    rooms := v_picked.rooms;
    ids := v_picked.ids;
    if ids <> '{}' then
      return;
    end if;
  end if;
  while v_priority is not null and cardinality(ids) < p_most and looks < 200 loop
    if v_left <= 0 then
      v_submitter := ingest.ingest_next_submitter(p_long, v_priority, v_submitter);
      if v_submitter is null then  -- others have taken it meanwhile; what is less urgent was not looked at
        locked := true;
        exit;
      end if;
      v_left := ingest.ingest_weight(v_submitter);
    end if;
    v_next := ingest.ingest_next_submitter(p_long, v_priority, v_submitter);
    v_ids := '{}';
    if p_not -> v_submitter is distinct from 'true' then
      v_picked := ingest.ingest_pick_of(
        p_long, v_priority, v_submitter, coalesce(v_after ->> v_submitter, ''), coalesce((v_again ->> v_submitter)::int, 0), v_few,
        least(p_most - cardinality(ids), case when v_next = v_submitter then p_most else v_few * v_left end),
        p_folders, p_not, p_capped, ids, p_space, rooms, looks, locked);
      rooms := v_picked.rooms;
      looks := v_picked.looks;
      locked := v_picked.locked;
      v_ids := v_picked.ids;
      v_again := case when v_picked.again > 0 then v_again || jsonb_build_object(v_submitter, v_picked.again) else v_again - v_submitter end;
      if v_picked.collection is not null then
        v_after := v_after || jsonb_build_object(v_submitter, v_picked.collection);
      end if;
    end if;
    if v_ids <> '{}' then
      ids := ids || v_ids;
      v_left := v_left - (cardinality(v_ids) + v_few - 1) / v_few;
      v_stop := null;
    else
      v_left := 0;
      exit when looks >= 200;
      if v_next = coalesce(v_stop, v_submitter) then
        v_priority := ingest.ingest_next_priority(p_long, v_priority + 1::bigint);
        v_stop := null;
      else
        v_stop := coalesce(v_stop, v_submitter);
      end if;
    end if;
  end loop;
  v_turn := jsonb_build_object('submitter', v_submitter, 'left', v_left, 'collections', v_after, 'again', v_again);
  if v_from is not null then
    turn := jsonb_set(turn, array['below', v_from], v_turn);
    looks := 200;  -- not at what is more urgent
  else
    turn := v_turn || jsonb_build_object('below', case when looks >= 200 then coalesce(turn -> 'below', '{}') else '{}' end);
  end if;
  turn := turn || jsonb_build_object('from', case when ids = '{}' and looks >= 200 then v_priority + 1::bigint end);
end
$$;

comment on function ingest.ingest_pick(boolean, int, text[], jsonb, boolean, jsonb, jsonb, boolean, jsonb) is
  'Locks up to p_most due requests of a kind, turn by turn. p_folders: see ingest_folders. p_not: submitters (true) or their '
  'collections that get none. p_space: see ingest_pick_of. turn: whose turn was last, {submitter, left, collections, again}, where to go on '
  'first, if a look from the front takes long (stay, see ingest_pick_on), and the same below the priorities in which a call found nothing '
  'with all of its looks (from, below): otherwise nothing less urgent would have its turn. looks: 200 of them at a time, then the next call continues. '
  'locked: something was passed by, since somebody has locked it, or has just taken it. rooms: see ingest_pick_of; of both kinds together.';
