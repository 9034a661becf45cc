create or replace function ingest.ingest_nearest_statement(p_collection text, p_dimensions int, p_for_some boolean, p_is_under boolean) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- Collection, space, generation and the cast to its dimensions are written out: only then does the statement fit the
-- predicate and the expression of the collection's partial ANN index. Without one, documents lead to the collection's
-- chunks (d.collection): by c.collection alone all chunks would be read.
declare
  v_space ingest.ingest_spaces;
  v_generation int := (select c.generation from ingest.ingest_collections c where c.name = p_collection);
begin
  perform ingest.ingest_search_config(p_collection);
  select s.* into v_space from ingest.ingest_collections c join ingest.ingest_spaces s on s.id = c.space_id where c.name = p_collection;
  if v_space.dimensions <> p_dimensions then
    raise exception 'the query has % dimensions, the space of collection "%" has %', p_dimensions, p_collection, v_space.dimensions
      using errcode = 'IG015', constraint = 'wrong_query_dimensions',
            hint = format('Embed the query with %s (%s).', v_space.model, v_space.embedder);
  end if;
  return format(
    'select d.uri, d.title, c.ordinal, c.text, 1 - (c.embedding::vectors.vector(%1$s) operator(vectors.<=>) $1), c.metadata, c.revision_id
     from ingest.ingest_chunk_store c join ingest.ingest_documents d on d.revision_id = c.revision_id
     where c.collection = %2$L and d.collection = %2$L and c.space_id = %3$s and c.generation = %4$s and c.metadata @> $2%5$s
     order by c.embedding::vectors.vector(%1$s) operator(vectors.<=>) $1 limit $3',
    p_dimensions, p_collection, coalesce(v_space.id, 0), v_generation,
    case when p_for_some then ' and (d.principals is null or d.principals && $4)' else '' end || case when p_is_under then ' and starts_with(d.uri, $5)' else '' end);
end
$$;

comment on function ingest.ingest_nearest_statement(text, int, boolean, boolean) is
  'The statement of a vector search: $1 the query''s vector, $2 the filter, $3 how many, $4 for whom, if not for everybody, '
  '$5 how URIs begin, if it does not matter to all.';
