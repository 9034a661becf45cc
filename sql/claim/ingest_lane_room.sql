create or replace function ingest.ingest_lane_room(
  p_submitter text, p_collection text, p_capped boolean, out of_submitter int, out of_collection int, out locked boolean
) returns record
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- The lock in one statement, the look at what runs in a later one: else two listeners get the last place. Never waits: an
-- operator may leave a transaction open that has changed its collection. A locked one has no room for now.
declare
  v_most int := case when p_capped then ingest.ingest_most_running(p_submitter) end;
begin
  locked := false;
  of_submitter := 2147483647;
  of_collection := 2147483647;
  if v_most is not null then
    perform from ingest.ingest_limits l
    where l.role = (select n.role from ingest.ingest_limits n where n.role in (p_submitter::name, '') order by n.role desc limit 1)
    for no key update skip locked;
    locked := not found;
    of_submitter := case when locked then 0 else v_most - ingest.ingest_running_by(p_submitter) end;
  end if;
  v_most := (select c.max_running from ingest.ingest_collections c where c.name = p_collection);
  if v_most is not null then
    perform from ingest.ingest_collections c where c.name = p_collection for no key update skip locked;
    of_collection := case when found then v_most - ingest.ingest_running_in(p_collection) else 0 end;
    locked := locked or not found;
  end if;
end
$$;

comment on function ingest.ingest_lane_room(text, text, boolean) is
  'How many more requests of a submitter and of a collection may run; locks what says so, until the transaction ends. '
  'p_capped: some submitter has a limit. locked: another session has locked it, so there is no room for now.';
