create or replace function ingest.ingest_list_generations(p_collection text default null)
returns table (collection text, generation int, state text, embedder text, model text, dimensions int, settings jsonb, request_id uuid, percent numeric,
               waiting_for text, index text, created_at timestamptz, switched_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_operate boolean := ingest.ingest_may('operate'::text, ''::text);
  v_search boolean := ingest.ingest_may('search'::text, ''::text);
  v_collections text[] := ingest.ingest_collections_for('operate'::text) || ingest.ingest_collections_for('search'::text);
begin
  return query
    with planned as materialized (select * from ingest.ingest_plan_indexes())
    select g.collection, g.generation, g.state, s.embedder, s.model, s.dimensions,
           ingest.ingest_generation_settings(g.collection, g.generation) - '{space_id,embedder,endpoint,model,dimensions,generation}'::text[],
           g.request_id, case when g.state in ('planned', 'building', 'stopped') then coalesce(p.percent, r.percent) end,
           case when g.state in ('building', 'stopped') then coalesce(ingest.ingest_switch_waits_for(g, false), case when g.automatic then 'switch: next' else 'switch: select ingest_switch(' || quote_literal(g.collection) || ')' end) end,
           i.state || coalesce(' ' || i.percent || ' %', ''), g.created_at, g.switched_at
    from ingest.ingest_generations g join ingest.ingest_spaces s on s.id = g.space_id
    left join ingest.ingest_requests r on r.id = g.request_id
    left join lateral (select o.percent from ingest.ingest_progress_of(r) o where r.finished_at is null and r.id is not null offset 0) p on true
    left join planned i on i.collection = g.collection and i.generation = g.generation
    where (p_collection is null or g.collection = p_collection) and (v_operate or v_search or g.collection = any (v_collections))
    order by g.collection, g.generation;
end
$$;

comment on function ingest.ingest_list_generations(text) is
  'The generations of a collection (null: of all that the caller searches or operates): state, space and chunking, how far one is that is being made and what its switch waits for, its index.';
