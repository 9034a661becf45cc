create or replace function ingest.ingest_query_key(p_query text, p_collection text)
returns table (space_id int, text text, hash bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select c.space_id, c.query_prefix || p_query, ingest.ingest_text_hash(c.tenant, c.query_prefix || p_query)
  from ingest.ingest_collections c where c.name = p_collection;
$$;

comment on function ingest.ingest_query_key(text, text) is 'What is embedded for a query of a collection, and under which key ingest_queries has it.';
