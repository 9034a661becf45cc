create or replace function ingest.ingest_query_embedding(p_query text, p_collection text) returns vectors.vector
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select q.embedding from ingest.ingest_query_key(p_query, p_collection) k
  join ingest.ingest_queries q on q.space_id = k.space_id and q.hash = k.hash
  where ingest.ingest_may('search'::text, p_collection);
$$;

comment on function ingest.ingest_query_embedding(text, text) is 'The vector of a query that was embedded for a collection; null: it is not known.';
