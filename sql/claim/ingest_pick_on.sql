create or replace function ingest.ingest_pick_on(p_long boolean, p_most int, p_folders text[], p_capped boolean, p_space jsonb, p_stay jsonb) returns uuid[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_room record := ingest.ingest_lane_room(p_stay ->> 'submitter', p_stay ->> 'collection', p_capped);
begin
  if p_space is not null and ingest.ingest_is_away(p_stay ->> 'collection', p_space) then
    return '{}';
  end if;
  return case when least(v_room.of_submitter, v_room.of_collection) > 0 then ingest.ingest_lock_next(
    p_long, (p_stay ->> 'priority')::int, p_stay ->> 'submitter', p_stay ->> 'collection', (p_stay ->> 'created_at')::timestamptz,
    least(p_most, v_room.of_submitter, v_room.of_collection), p_folders, '{}'::uuid[]) else '{}' end;
end
$$;

comment on function ingest.ingest_pick_on(boolean, int, text[], boolean, jsonb, jsonb) is
  'Locks the next requests of one submitter, collection and priority from a time of insertion on: {submitter, collection, priority, '
  'created_at}. What stands before it may take long to pass: entries of requests that ended, which VACUUM may not remove yet.';
