create or replace function ingest.ingest_generation_settings(p_collection text, p_generation int) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'space_id', s.id, 'embedder', s.embedder, 'endpoint', s.endpoint, 'model', s.model, 'dimensions', s.dimensions, 'chunk_size', c.chunk_size,
    'chunk_overlap', c.chunk_overlap, 'embedding_template', c.embedding_template, 'passage_prefix', c.passage_prefix, 'generation', g.generation)
    -- Those of the live one are the collection's.
    || case when g.generation = c.generation then '{}' else g.settings - 'query_prefix' end
  from ingest.ingest_generations g join ingest.ingest_collections c on c.name = g.collection join ingest.ingest_spaces s on s.id = g.space_id
  where g.collection = p_collection and g.generation = p_generation;
$$;

comment on function ingest.ingest_generation_settings(text, int) is
  'What in a request''s settings depends on the generation: space and chunking, and its number.';
