create or replace function ingest.ingest_take_up_generation(p_request ingest.ingest_requests) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- What was published since it stopped does not stand in it. From here on what is published does, and its request lists once more what doesn't,
-- behind what it listed before.
declare
  v_state text := (
    select g.state from ingest.ingest_generations g where g.collection = p_request.collection and g.generation = p_request.generation and g.request_id = p_request.id);
begin
  if ingest.ingest_is_plan(p_request) and v_state = 'purged' then
    update ingest.ingest_generations g set state = 'planned' where g.collection = p_request.collection and g.generation = p_request.generation;
    return;
  end if;
  if v_state = 'stopped' then
    perform ingest.ingest_lock_generations(p_request.collection, true);
    perform ingest.ingest_require_one_generation(p_request.collection);
    update ingest.ingest_generations g set state = 'building'
    where g.collection = p_request.collection and g.generation = p_request.generation and g.state = 'stopped' returning g.state into v_state;
    update ingest.ingest_requests r set discovered_at = null, listing = r.listing - 'cursor' where r.id = p_request.id and r.listing is not null;
  end if;
  -- Those of its generation stay; tenant, text search and own steps are the collection's by now, as of what was published meanwhile.
  update ingest.ingest_requests r set settings = null where r.id = p_request.id;
  if v_state is distinct from 'building' then
    raise exception 'generation % of collection "%" is not being made any more', p_request.generation, p_request.collection
      using errcode = 'IG045', constraint = 'generation_gone', hint = 'It was dropped, or is live. Order another one: select ingest_reembed(collection, …).';
  end if;
end
$$;

comment on function ingest.ingest_take_up_generation(ingest.ingest_requests) is
  'Has the generation of a request that is retried or resumed be made again. IG045 if it is gone, or another one is being made.';
