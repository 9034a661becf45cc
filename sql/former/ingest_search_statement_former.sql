create or replace function ingest.ingest_search_statement(p_collection text, p_dimensions int) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- $1 the query's vector, $2 the filter, $3 how many.
  select format(
    'select d.uri, d.title, c.ordinal, c.text, 1 - (c.embedding::vectors.vector(%1$s) operator(vectors.<=>) $1), c.metadata, c.revision_id
     from ingest.ingest_chunk_store c join ingest.ingest_documents d on d.revision_id = c.revision_id
     where c.collection = %2$L and d.collection = %2$L and c.space_id = %3$s and c.generation = %4$s and c.metadata @> $2
     order by c.embedding::vectors.vector(%1$s) operator(vectors.<=>) $1 limit $3',
    p_dimensions, p_collection, k.space_id, k.generation)
  from ingest.ingest_collections k where k.name = p_collection;
$$;

comment on function ingest.ingest_search_statement(text, int) is
  'For listeners of the former release: the statement of a vector search, which calls of its ingest_search go on with.';
