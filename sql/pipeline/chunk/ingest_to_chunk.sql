create or replace function ingest.ingest_to_chunk(p_fence ingest.ingest_fence_v1)
returns table (id bigint, media_type text, chunk_size int, chunk_overlap int)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select v.id, v.media_type, (w.settings ->> 'chunk_size')::int, (w.settings ->> 'chunk_overlap')::int
  from ingest.ingest_requests r join ingest.ingest_revisions v on v.request_id = r.id
  left join ingest.ingest_batches b on b.request_id = r.id and b.batch = p_fence.batch
  cross join lateral (select ingest.ingest_worked_settings(r.settings, r.collection, b.generation) offset 0) as w (settings)
  where r.id = any (p_fence.requests) and r.status = 'running' and v.batch = p_fence.batch and v.state = 'loaded'
    and v.generation = coalesce(b.generation, ingest.ingest_generation(r))
  order by v.request_id, v.position;
$$;

comment on function ingest.ingest_to_chunk(ingest.ingest_fence_v1) is 'What the chunk step has to cut.';
