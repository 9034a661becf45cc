create or replace function ingest.ingest_pick_on(
  p_long boolean, p_most int, p_folders text[], p_capped boolean, p_space jsonb, p_stay jsonb, inout rooms jsonb, out ids uuid[]
) returns record
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_submitter text := 's:' || (p_stay ->> 'submitter');
  v_collection text := 'c:' || (p_stay ->> 'collection');
  v_room record;
begin
  ids := '{}';
  if p_space is not null and ingest.ingest_is_away(p_stay ->> 'collection', p_space) then
    return;
  end if;
  if not (rooms ? v_submitter and rooms ? v_collection) then
    v_room := ingest.ingest_lane_room(p_stay ->> 'submitter', p_stay ->> 'collection', p_capped);
    rooms := jsonb_build_object(v_submitter, v_room.of_submitter, v_collection, v_room.of_collection) || rooms;
  end if;
  if least((rooms ->> v_submitter)::int, (rooms ->> v_collection)::int) > 0 then
    ids := ingest.ingest_lock_next(
      p_long, (p_stay ->> 'priority')::int, p_stay ->> 'submitter', p_stay ->> 'collection', (p_stay ->> 'created_at')::timestamptz,
      least(p_most, (rooms ->> v_submitter)::int, (rooms ->> v_collection)::int), p_folders, '{}'::uuid[]);
    rooms := rooms || jsonb_build_object(v_submitter, (rooms ->> v_submitter)::int - cardinality(ids),
                                         v_collection, (rooms ->> v_collection)::int - cardinality(ids));
  end if;
end
$$;

comment on function ingest.ingest_pick_on(boolean, int, text[], boolean, jsonb, jsonb, jsonb) is
  'Locks the next requests of one submitter, collection and priority from a time of insertion on: {submitter, collection, priority, '
  'created_at}. What stands before it may take long to pass: entries of requests that ended, which VACUUM may not remove yet. rooms: see '
  'ingest_pick_of.';
