create or replace function ingest_query_embedding(p_query text, p_collection text) returns vector
language sql stable set search_path from current
as $$
  select q.embedding from ingest_query_key(p_query, p_collection) k
  join ingest_queries q on q.space_id = k.space_id and q.hash = k.hash;
$$;

comment on function ingest_query_embedding(text, text) is 'The vector of a query that was embedded for a collection; null: it is not known.';
