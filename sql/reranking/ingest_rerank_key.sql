create or replace function ingest.ingest_rerank_key(p_query text, p_collection text) returns bytea
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_text_hash(c.tenant, ingest.ingest_searchable(p_query)) from ingest.ingest_collections c where c.name = p_collection;
$$;

comment on function ingest.ingest_rerank_key(text, text) is 'Under which key ingest_rerankings has a query of a collection.';
