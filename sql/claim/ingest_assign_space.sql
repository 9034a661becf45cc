create or replace function ingest.ingest_assign_space(p_collection text, p_space jsonb) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_space int;
begin
  insert into ingest.ingest_spaces (embedder, endpoint, model, dimensions)
  values (p_space ->> 'embedder', coalesce(p_space ->> 'endpoint', ''), p_space ->> 'model', (p_space ->> 'dimensions')::int)
  on conflict do nothing;
  select s.id into strict v_space from ingest.ingest_spaces s
  where (s.embedder, s.endpoint, s.model, s.dimensions)
      = (p_space ->> 'embedder', coalesce(p_space ->> 'endpoint', ''), p_space ->> 'model', (p_space ->> 'dimensions')::int);
  update ingest.ingest_collections c set space_id = v_space, updated_at = ingest.ingest_now()
  where c.name = p_collection and c.space_id is distinct from v_space;
  if found then
    insert into ingest.ingest_generations as g (collection, generation, space_id)
    select c.name, c.generation, v_space from ingest.ingest_collections c where c.name = p_collection
    on conflict on constraint ingest_generations_pkey do update set space_id = excluded.space_id;
    perform ingest.ingest_make_chunks_view(p_collection);
  end if;
  return v_space;
end
$$;

comment on function ingest.ingest_assign_space(text, jsonb) is 'Gives a collection its live space, and the typed view that goes with it.';
