create or replace function ingest.ingest_reembed(
  collection text, settings jsonb default '{}', options jsonb default '{}', automatic boolean default true, keep interval default null,
  priority int default 0
) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_collection ingest.ingest_collections;
  v_present jsonb;
  v_settings jsonb;
  v_space int;
  v_generation int;
  v_is_plan boolean;
  v_id uuid;
begin
  collection := coalesce(collection, 'default');
  settings := coalesce(nullif(settings, 'null'), '{}');
  options := coalesce(nullif(options, 'null'), '{}');
  perform ingest.ingest_require('operate'::text, collection);
  perform ingest.ingest_as_system();
  select c.* into v_collection from ingest.ingest_collections c where c.name = collection for no key update;
  perform ingest.ingest_check_reembed(collection, v_collection, settings, options, keep);
  v_is_plan := coalesce((options ->> 'plan')::boolean, false);
  if not v_is_plan then
    perform ingest.ingest_lock_generations(collection, true);
    perform ingest.ingest_require_one_generation(collection);
    update ingest.ingest_generations g set state = 'purging', purged_to = '' where g.collection = v_collection.name and g.state = 'stopped';
  end if;
  v_space := ingest.ingest_new_space(v_collection, settings);
  v_present := jsonb_build_object(
    'chunk_size', v_collection.chunk_size, 'chunk_overlap', v_collection.chunk_overlap, 'embedding_template', v_collection.embedding_template,
    'passage_prefix', v_collection.passage_prefix, 'query_prefix', v_collection.query_prefix);
  v_settings := v_present || (
    select coalesce(jsonb_object_agg(s.key, case when s.key in ('chunk_size', 'chunk_overlap') then to_jsonb((s.value #>> '{}')::int) else s.value end), '{}')
    from jsonb_each(settings) as s where s.key not in ('embedder', 'endpoint', 'model', 'dimensions') and s.value <> 'null');
  if v_space = v_collection.space_id and v_settings = v_present then
    raise exception 'collection "%" has these settings already', collection
      using errcode = 'IG045', constraint = 'nothing_changes', hint = 'Give embedder, model and dimensions, or chunk settings, that are to change.';
  end if;
  insert into ingest.ingest_requests (source, collection, options, priority)
  values ('collection:' || collection, collection, options, coalesce(priority, 0)) returning id into v_id;
  insert into ingest.ingest_generations as g (collection, generation, space_id, settings, state, request_id, automatic, keep)
  select collection, max(o.generation) + 1, v_space, v_settings, case when v_is_plan then 'planned' else 'building' end, v_id,
         coalesce(automatic, true) and not v_is_plan, keep
  from ingest.ingest_generations o where o.collection = v_collection.name
  returning g.generation into v_generation;
  update ingest.ingest_requests r set generation = v_generation where r.id = v_id;
  return v_id;
end
$$;

comment on function ingest.ingest_reembed(text, jsonb, jsonb, boolean, interval, int) is
  'Has a collection''s documents cut and embedded anew beside what is live: settings as in ingest_collection (space, chunking, prefixes). When all is in and indexed, searches see it '
  '(automatic; otherwise after ingest_switch). keep: how long the one before is kept. options: plan, max_texts, max_cost, patience, timeout_seconds, batch_documents. Returns its request. '
  'IG012 wrong setting, IG014 no such collection, IG045 it can''t be now.';
