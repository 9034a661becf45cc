create or replace function ingest.ingest_count_chunks(p_always boolean) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- One listener counts, for all; where nothing has changed, nobody. With a million documents it takes half a second.
declare
  v_began constant timestamptz := ingest.ingest_now();
  v_changes bigint := (select t.n_tup_ins + t.n_tup_upd + t.n_tup_del from pg_stat_all_tables t where t.relid = 'ingest.ingest_documents'::regclass);
  v_known ingest.ingest_index_counts;
begin
  select k.* into v_known from ingest.ingest_index_counts k for update skip locked;
  if not found or not p_always and (
       v_known.changes = v_changes or v_known.counted_at > ingest.ingest_now() - greatest(interval '50 seconds', 100 * v_known.took)) then
    return;
  end if;
  with counted as (
    select d.collection, count(*) as documents, coalesce(sum(d.chunks), 0)::bigint as chunks
    from ingest.ingest_documents d where d.revision_id is not null group by d.collection
  ), held as (
    -- A generation that is being made will have about as many.
    select c.name as collection, coalesce(g.generation, c.generation) as generation, coalesce(k.documents, 0) as documents, coalesce(k.chunks, 0) as chunks,
           coalesce(k.chunks, 0) > c.index_from and c.indexed as is_large
    from ingest.ingest_collections c
    left join ingest.ingest_generations g on g.collection = c.name and g.state in ('live', 'building')
    left join counted k on k.collection = c.name
  )
  insert into ingest.ingest_index_store as s (collection, generation, documents, chunks, wanted_since)
  select h.collection, h.generation, h.documents, h.chunks, case when h.is_large then v_began end from held h
  on conflict on constraint ingest_index_store_pkey do update
  set documents = excluded.documents, chunks = excluded.chunks,
      wanted_since = case when excluded.wanted_since is not null and s.name is null then coalesce(s.wanted_since, excluded.wanted_since) end
  where (s.documents, s.chunks, s.wanted_since is null) is distinct from (excluded.documents, excluded.chunks, excluded.wanted_since is null or s.name is not null);
  delete from ingest.ingest_index_store s
  where s.name is null and s.building is null and not exists (
    select from ingest.ingest_collections c where c.name = s.collection and (c.generation = s.generation or exists (
      select from ingest.ingest_generations g where g.collection = s.collection and g.generation = s.generation)));
  update ingest.ingest_index_counts k
  set counted_at = ingest.ingest_now(), took = ingest.ingest_now() - v_began, changes = v_changes;
end
$$;

comment on function ingest.ingest_count_chunks(boolean) is
  'Counts the live chunks of collections for their ANN indexes, if it is time, or in any case.';
