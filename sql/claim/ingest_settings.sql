create or replace function ingest.ingest_settings(p_collection ingest.ingest_collections, p_space ingest.ingest_spaces) returns jsonb
language sql immutable
return jsonb_build_object(
  'space_id', p_space.id, 'embedder', p_space.embedder, 'endpoint', p_space.endpoint, 'model', p_space.model,
  'dimensions', p_space.dimensions, 'chunk_size', p_collection.chunk_size,
  'chunk_overlap', p_collection.chunk_overlap, 'embedding_template', p_collection.embedding_template,
  'passage_prefix', p_collection.passage_prefix, 'text_config', p_collection.text_config::text,
  'generation', p_collection.generation)
  -- Without these they are what they were, and so are their digests.
  || case when p_collection.by_language then jsonb_build_object('by_language', true) else '{}' end
  || case when p_collection.tenant = '' then '{}' else jsonb_build_object('tenant', p_collection.tenant) end
  || case when p_collection.steps = '[]' then '{}' else jsonb_build_object('steps', p_collection.steps) end;

comment on function ingest.ingest_settings(ingest.ingest_collections, ingest.ingest_spaces) is
  'What a document''s chunks and vectors depend on; a request keeps it from its start to its end.';
