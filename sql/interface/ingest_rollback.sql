create or replace function ingest.ingest_rollback(collection text, generation int default null) returns ingest.ingest_generations
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_former int;
  v_other record;
begin
  perform ingest.ingest_require('operate'::text, collection);
  select g.generation into v_former from ingest.ingest_generations g
  where g.collection = ingest_rollback.collection and g.state = 'former' and (ingest_rollback.generation is null or g.generation = ingest_rollback.generation)
  order by g.switched_at desc, g.generation desc limit 1 for no key update;
  if not found then
    -- What there is instead, and the way there.
    select g.generation, g.state, jsonb_build_object('embedder', s.embedder, 'model', s.model, 'dimensions', s.dimensions) || g.settings as settings into v_other
    from ingest.ingest_generations g join ingest.ingest_spaces s on s.id = g.space_id
    where g.collection = ingest_rollback.collection and g.state in ('building', 'purging', 'purged') and g.settings <> '{}'
      and (ingest_rollback.generation is null or g.generation = ingest_rollback.generation)
    order by g.state = 'building' desc, g.generation desc limit 1;
    raise exception 'collection "%" has no former generation%', collection, coalesce(' ' || generation, '')
      using errcode = 'IG045', constraint = 'nothing_to_go_back_to',
            hint = case
              when v_other.state = 'building' then format('Generation %s is still being made: select ingest_switch(%L) once it is complete.', v_other.generation, collection)
              when v_other.state is not null then format('Generation %s is kept no longer. To have it made again: select ingest_reembed(%L, %L).', v_other.generation, collection, v_other.settings)
              else format('Which there are: select * from ingest_list_generations(%L). Another one: select ingest_reembed(%1$L, settings).', collection) end;
  end if;
  return ingest.ingest_make_live(collection, v_former);
end
$$;

comment on function ingest.ingest_rollback(text, int) is
  'Has searches see a former generation again, with all that was published since: that number, or null, the one that was live last. The other one is former then, so the same again goes forward. IG045 if there is none, or it is purged.';
