create or replace function ingest.ingest_nearest_statement(p_wanted ingest.ingest_wanted_v1, p_by_index boolean) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- Collection, space, generation and the cast to its dimensions are written out: only then does the statement fit the
-- predicate and the expression of the collection's partial ANN index. Without one, documents lead to the collection's
-- chunks (d.collection): by c.collection alone all chunks would be read. Our index is over halfvec;
-- one of the user's own may serve the other statement.
declare
  v_space ingest.ingest_spaces;
  v_dimensions int := cardinality(p_wanted.embedding::real[]);
  v_generation int := (select c.generation from ingest.ingest_collections c where c.name = p_wanted.collection);
begin
  select s.* into v_space from ingest.ingest_collections c join ingest.ingest_spaces s on s.id = c.space_id where c.name = p_wanted.collection;
  if v_space.dimensions <> v_dimensions then
    raise exception 'the query has % dimensions, the space of collection "%" has %', v_dimensions, p_wanted.collection, v_space.dimensions
      using errcode = 'IG015', constraint = 'wrong_query_dimensions',
            hint = format('Embed the query with %s (%s).', v_space.model, v_space.embedder);
  end if;
  return format(
    'select d.uri, d.title, c.ordinal, 1 - (c.embedding::vectors.vector(%1$s) operator(vectors.<=>) ($1).embedding), c.revision_id
     from ingest.ingest_chunk_store c join ingest.ingest_documents d on d.revision_id = c.revision_id
     where c.collection = %2$L and d.collection = %2$L and c.space_id = %3$s and c.generation = %4$s%5$s
     order by c.embedding::%6$s(%1$s) operator(vectors.<=>) ($1).embedding::%6$s(%1$s) limit $2',
    v_dimensions, p_wanted.collection, coalesce(v_space.id, 0), v_generation, ingest.ingest_wanted_condition(p_wanted),
    case when p_by_index then 'vectors.halfvec' else 'vectors.vector' end);
end
$$;

comment on function ingest.ingest_nearest_statement(ingest.ingest_wanted_v1, boolean) is
  'The statement of a vector search in one collection, by our index or without it: $1 what is wanted, $2 how many. A cast, since a function of pgvector''s like vector_dims could be '
  'made ambiguous by others who may CREATE in its schema.';
