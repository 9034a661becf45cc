create or replace function ingest.ingest_query_key(p_query text, p_collection text)
returns table (space_id int, text text, hash bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select c.space_id, q.text, ingest.ingest_text_hash(c.tenant, q.text)
  from ingest.ingest_collections c
  cross join lateral (  -- what is too long for a query is not looked through
    select c.query_prefix || case when octet_length(p_query) <= 20000 then ingest.ingest_searchable(p_query) else p_query end as text) q
  where c.name = p_collection;
$$;

comment on function ingest.ingest_query_key(text, text) is 'What is embedded for a query of a collection, and under which key ingest_queries has it.';
