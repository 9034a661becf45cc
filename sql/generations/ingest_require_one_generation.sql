create or replace function ingest.ingest_require_one_generation(p_collection text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_generation ingest.ingest_generations;
  v_former text;
begin
  select g.* into v_generation from ingest.ingest_generations g where g.collection = p_collection and g.state = 'building';
  if found then
    raise exception 'generation % of collection "%" is being made', v_generation.generation, p_collection
      using errcode = 'IG045', constraint = 'generation_in_work',
            hint = format('See select * from ingest_list_generations(%L). To give it up: select ingest_drop_generation(%1$L).', p_collection);
  end if;
  select l.executor_id into v_former from ingest.ingest_listeners l
  where not l.knows_caps and ingest.ingest_seems_alive(l) limit 1;
  if found then
    raise exception 'listener % is of a former release, and would publish into one generation only', v_former
      using errcode = 'IG045', constraint = 'former_listener', hint = 'Upgrade all listeners first: see select executor_id, host, version from ingest_listeners.';
  end if;
end
$$;

comment on function ingest.ingest_require_one_generation(text) is 'Raises IG045 where a generation of a collection is being made, or a listener runs that knows no generations.';
