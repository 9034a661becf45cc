create or replace function ingest.ingest_ann(p_collection text, p_generation int, out candidates int, out chunks bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select c.index_ef_search, s.chunks
  from ingest.ingest_index_store s
  join ingest.ingest_collections c on c.name = s.collection
  join pg_class k on k.relname = s.name and k.relnamespace = (select t.relnamespace from pg_class t where t.oid = 'ingest.ingest_chunk_store'::regclass)
  join pg_index i on i.indexrelid = k.oid and i.indrelid = 'ingest.ingest_chunk_store'::regclass and i.indisvalid
  where s.collection = p_collection and s.generation = p_generation and ingest.ingest_may('search'::text, p_collection);
$$;

comment on function ingest.ingest_ann(text, int) is
  'If a generation has a valid ANN index of ours: how many candidates a search in it considers (hnsw.ef_search), and about how many chunks; otherwise null.';
