create or replace function ingest.ingest_change_space(p_collection text, p_settings jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_old ingest.ingest_spaces;
  v_new jsonb;
  v_changes boolean;
begin
  select s.* into v_old from ingest.ingest_collections c join ingest.ingest_spaces s on s.id = c.space_id where c.name = p_collection;
  v_new := jsonb_build_object(
    'embedder', coalesce(p_settings ->> 'embedder', v_old.embedder), 'model', coalesce(p_settings ->> 'model', v_old.model),
    'endpoint', coalesce(p_settings ->> 'endpoint', v_old.endpoint, ''),
    'dimensions', coalesce((p_settings ->> 'dimensions')::int, v_old.dimensions));
  if v_new @> '{"embedder": null}' or v_new @> '{"model": null}' or v_new @> '{"dimensions": null}' then
    raise exception 'the space of collection "%" is not complete', p_collection
      using errcode = 'IG012', constraint = 'incomplete_space', hint = 'Give embedder, model and dimensions together.';
  end if;
  v_changes := v_old.id is not null and v_new <> jsonb_build_object(
    'embedder', v_old.embedder, 'endpoint', v_old.endpoint, 'model', v_old.model, 'dimensions', v_old.dimensions);
  if v_changes and (exists (select from ingest.ingest_documents d where d.collection = p_collection)
                     or exists (select from ingest.ingest_requests r where r.collection = p_collection and r.status = 'running')) then
    raise exception 'collection "%" has documents in its space', p_collection
      using errcode = 'IG013', constraint = 'space_in_use',
            hint = 'Vectors of two spaces can''t be compared: another model for what is there: select ingest_reembed(name, settings).';
  end if;
  if v_changes then
    perform ingest.ingest_require_no_switch(p_collection, '{"space_id": 0}'::jsonb);
  end if;
  perform ingest.ingest_assign_space(p_collection, v_new);
end
$$;

comment on function ingest.ingest_change_space(text, jsonb) is 'Changes the space of a collection that holds nothing yet.';
