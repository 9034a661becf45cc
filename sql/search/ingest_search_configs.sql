create or replace function ingest.ingest_search_configs(p_collection text) returns regconfig[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select array(
    select c.text_config from ingest.ingest_collections c where c.name = p_collection
    union
    select k.text_config from ingest.ingest_collection_configs k join ingest.ingest_collections c on c.name = k.collection
    where k.collection = p_collection and c.by_language
    order by 1)
  where ingest.ingest_may('search'::text, p_collection);
$$;

comment on function ingest.ingest_search_configs(text) is 'The text search configurations of a collection''s chunks, for callers who may search it.';
