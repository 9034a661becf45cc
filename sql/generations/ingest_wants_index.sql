create or replace function ingest.ingest_wants_index(p_generation ingest.ingest_generations, p_chunks bigint) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- Asked before ingest_plan_indexes, whose plan alone takes longer than all else that a switch does.
  select coalesce(c.indexed and s.dimensions <= 4000 and coalesce(p_chunks, k.chunks, 0) > c.index_from and not exists (
    select from ingest.ingest_index_store n join pg_class o on o.relname = n.name join pg_index i on i.indexrelid = o.oid
    where n.collection = c.name and n.generation = p_generation.generation and i.indrelid = 'ingest.ingest_chunk_store'::regclass and i.indisvalid), false)
  from ingest.ingest_collections c join ingest.ingest_spaces s on s.id = p_generation.space_id
  left join ingest.ingest_index_store k on k.collection = c.name and k.generation = c.generation
  where c.name = p_generation.collection;
$$;

comment on function ingest.ingest_wants_index(ingest.ingest_generations, bigint) is 'Whether a generation of so many chunks (null: as many as the live one has) is to have an ANN index, and none of ours stands yet.';
