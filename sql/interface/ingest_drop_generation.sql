create or replace function ingest.ingest_drop_generation(collection text, generation int default null) returns ingest.ingest_generations
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_generation ingest.ingest_generations;
  v_status text;
begin
  perform ingest.ingest_require('operate'::text, collection);
  perform ingest.ingest_as_system();
  select g.* into v_generation from ingest.ingest_generations g
  where g.collection = ingest_drop_generation.collection and g.state in ('building', 'stopped', 'former')
    and (ingest_drop_generation.generation is null or g.generation = ingest_drop_generation.generation)
  order by array_position('{building,stopped,former}', g.state), g.switched_at limit 1;
  -- In the order of locks. The end of its request makes it live, if all is in by then; a resume of it waits, and sees then that its generation is gone.
  select r.status into v_status from ingest.ingest_requests r where r.id = v_generation.request_id for no key update;
  update ingest.ingest_generations g set state = 'purging', purged_to = '', switched_at = ingest.ingest_now()
  where g.collection = v_generation.collection and g.generation = v_generation.generation and g.state in ('building', 'stopped', 'former') returning * into v_generation;
  if not found then
    raise exception 'collection "%" has no generation % that could be dropped', collection, coalesce(generation::text, '')
      using errcode = 'IG045', constraint = 'nothing_to_drop', hint = format('The live one can''t be: see select * from ingest_list_generations(%L).', collection);
  end if;
  if v_status in ('pending', 'running') then
    perform ingest.ingest_cancel(v_generation.request_id);
  end if;
  return v_generation;
end
$$;

comment on function ingest.ingest_drop_generation(text, int) is
  'Gives up the generation that is being made (its request is cancelled), or a former one: nothing is brought into it any more, and its chunks are purged. Null: the one that is being made, else one that stopped, else the oldest former. IG045 if there is none.';
