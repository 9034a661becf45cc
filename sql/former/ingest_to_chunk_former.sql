create or replace function ingest.ingest_to_chunk(p_requests uuid[], p_batch int)
returns table (id bigint, media_type text, text text, chunk_size int, chunk_overlap int)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select c.id, c.media_type, v.text, c.chunk_size, c.chunk_overlap
  from ingest.ingest_to_chunk((p_requests, p_batch, null)::ingest.ingest_fence_v1) with ordinality c join ingest.ingest_revisions v on v.id = c.id
  order by c.ordinality;
$$;

comment on function ingest.ingest_to_chunk(uuid[], int) is 'For listeners of the former release: ingest_to_chunk(ingest_fence_v1).';
