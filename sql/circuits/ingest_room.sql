create or replace function ingest.ingest_room(p_collection text, p_submitter text) returns int
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- least() passes over nulls: without a limit nothing is counted.
  select greatest(0, least(
    (select c.max_running - ingest.ingest_running_in(c.name) from ingest.ingest_collections c where c.name = p_collection and c.max_running is not null),
    (select m.most - ingest.ingest_running_by(p_submitter) from ingest.ingest_most_running(p_submitter) as m (most) where m.most is not null),
    2147483647));
$$;

comment on function ingest.ingest_room(text, text) is
  'How many more requests of a submitter in a collection may run, by the limits of both, as it looks without their locks (ingest_lane_room).';
