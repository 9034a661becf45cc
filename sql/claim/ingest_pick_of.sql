create or replace function ingest.ingest_pick_of(
  p_long boolean, p_priority int, p_submitter text, p_after text, p_again int, p_few int, p_most int, p_folders text[], p_not jsonb, p_capped boolean,
  p_picked uuid[], p_space jsonb, inout rooms jsonb, inout looks int, inout locked boolean, out ids uuid[], out collection text,
  out again int
) returns record
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Once around the submitter's collections, until one of them has something to take.
declare
  v_stop text;
  v_next text := case
    when p_again > 0 and ingest.ingest_waits(p_long, p_priority, p_submitter, p_after, p_folders, p_picked) then p_after
    else ingest.ingest_next_collection(p_long, p_priority, p_submitter, p_after) end;
  v_room record;
  v_most int;
begin
  ids := '{}';
  again := 0;
  while v_next is distinct from v_stop and looks < 200 loop
    collection := v_next;
    v_stop := coalesce(v_stop, v_next);
    v_next := ingest.ingest_next_collection(p_long, p_priority, p_submitter, collection);
    looks := looks + 1;
    continue when p_not -> p_submitter ? collection or p_space is not null and ingest.ingest_is_away(collection, p_space);
    if not (rooms ? ('s:' || p_submitter) and rooms ? ('c:' || collection)) then
      v_room := ingest.ingest_lane_room(p_submitter, collection, p_capped);
      locked := locked or v_room.locked;
      rooms := jsonb_build_object('s:' || p_submitter, v_room.of_submitter, 'c:' || collection, v_room.of_collection) || rooms;
    end if;
    exit when (rooms ->> ('s:' || p_submitter))::int <= 0;
    -- Its turn is a few of them; without any other, all.
    again := case when collection = p_after and p_again > 0 then p_again else ingest.ingest_weight_of(collection) end;
    v_most := least((rooms ->> ('s:' || p_submitter))::int, (rooms ->> ('c:' || collection))::int,
                    case when v_next = collection then p_most else least(p_few * again, p_most) end);
    continue when v_most <= 0;
    ids := ingest.ingest_lock_next(p_long, p_priority, p_submitter, collection, '-infinity'::timestamptz, v_most, p_folders, p_picked);
    exit when ids <> '{}';
    locked := locked or ingest.ingest_waits(p_long, p_priority, p_submitter, collection, p_folders, p_picked);
  end loop;
  if ids = '{}' then
    again := 0;
  else
    again := again - (cardinality(ids) + p_few - 1) / p_few;
    rooms := rooms || jsonb_build_object('s:' || p_submitter, (rooms ->> ('s:' || p_submitter))::int - cardinality(ids),
                                         'c:' || collection, (rooms ->> ('c:' || collection))::int - cardinality(ids));
  end if;
end
$$;

comment on function ingest.ingest_pick_of(boolean, int, text, text, int, int, int, text[], jsonb, boolean, uuid[], jsonb, jsonb, int, boolean) is
  'Locks the next requests of a submitter: up to p_few of the collection whose turn it is after p_after, p_most where it is the only one. '
  'p_again: how many turns that of p_after has left, as again says. '
  'p_space: that of a new collection, if some service is away; null: none is. rooms: of submitters and collections, as far as they are known; looks: how many collections were looked at; locked: another session has locked one.';
