create or replace function ingest.ingest_to_embed(p_fence ingest.ingest_fence_v1)
returns table (id bigint, request_id uuid, title text, starts int[], ends int[], headings jsonb, metadata jsonb,
               pages int[], stored int[], leads int[])
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select v.id, v.request_id, v.title, v.starts, v.ends, v.headings,
         v.metadata || r.metadata, v.pages,
         array(select c.ordinal from ingest.ingest_chunk_store c where c.revision_id = coalesce(v.stands_for, v.id) and c.generation = v.generation),
         v.leads
  from ingest.ingest_requests r join ingest.ingest_revisions v on v.request_id = r.id
  left join ingest.ingest_batches b on b.request_id = r.id and b.batch = p_fence.batch
  where r.id = any (p_fence.requests) and r.status = 'running' and v.batch = p_fence.batch and v.state = 'chunked'
    and v.generation = coalesce(b.generation, ingest.ingest_generation(r))
  order by v.request_id, v.position;
$$;

comment on function ingest.ingest_to_embed(ingest.ingest_fence_v1) is 'What the embed step has to embed; stored: the ordinals that are written already.';
