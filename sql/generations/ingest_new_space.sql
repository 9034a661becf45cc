create or replace function ingest.ingest_new_space(p_collection ingest.ingest_collections, p_settings jsonb) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_space ingest.ingest_spaces := (select s from ingest.ingest_spaces s where s.id = p_collection.space_id);
  v_same boolean := coalesce(p_settings ->> 'embedder', v_space.embedder) = v_space.embedder;
  v_id int;
begin
  if (not v_same or coalesce(p_settings ->> 'model', v_space.model) <> v_space.model) and num_nulls(p_settings ->> 'model', p_settings ->> 'dimensions') > 0 then
    raise exception 'the new space of collection "%" is not complete', p_collection.name
      using errcode = 'IG012', constraint = 'incomplete_space', hint = 'Give model and dimensions together, and embedder if it is another one.';
  end if;
  v_space.endpoint := coalesce(p_settings ->> 'endpoint', case when v_same then v_space.endpoint else '' end);
  v_space.embedder := coalesce(p_settings ->> 'embedder', v_space.embedder);
  v_space.model := coalesce(p_settings ->> 'model', v_space.model);
  v_space.dimensions := coalesce((p_settings ->> 'dimensions')::int, v_space.dimensions);
  insert into ingest.ingest_spaces (embedder, endpoint, model, dimensions)
  values (v_space.embedder, v_space.endpoint, v_space.model, v_space.dimensions) on conflict do nothing;
  select s.id into strict v_id from ingest.ingest_spaces s
  where (s.embedder, s.endpoint, s.model, s.dimensions) = (v_space.embedder, v_space.endpoint, v_space.model, v_space.dimensions);
  return v_id;
end
$$;

comment on function ingest.ingest_new_space(ingest.ingest_collections, jsonb) is 'The space that a collection''s would be with other settings. IG012 if they do not say all of it.';
