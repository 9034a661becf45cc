create or replace function ingest.ingest_search_both(
  p_query text, p_embedding vectors.vector, p_collection text, p_k int, p_filter jsonb
) returns table (uri text, title text, ordinal int, text text, score float8, metadata jsonb, revision_id bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select f.uri, f.title, f.ordinal, f.text, f.score, f.metadata, f.revision_id
  from ingest.ingest_with_texts(array(select h from ingest.ingest_find_both(array[row(
    p_query, p_embedding, null, p_collection, p_k, p_filter, null, null, null, null, null, null, 1, 1, false)::ingest.ingest_wanted_v1]) h)) f;
$$;

comment on function ingest.ingest_search_both(text, vectors.vector, text, int, jsonb) is
  'For listeners of the former release: ingest_find_both, which calls of its ingest_search go on with.';
