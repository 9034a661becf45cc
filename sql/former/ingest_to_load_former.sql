create or replace function ingest.ingest_to_load(p_requests uuid[], p_batch int)
returns table (id bigint, request_id uuid, uri text, path text, media_type text, content text, content_bytes bytea, read_seq bigint,
               live_hash bytea, max_bytes bigint, container int, range_start bigint, bytes bigint, hash bytea,
               line int, root_uri text)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select l.id, l.request_id, l.uri, l.locator, l.media_type, case when inline then r.content end, case when inline then r.content_bytes end,
         l.read_seq, l.live_hash, l.max_bytes, l.container, l.range_start, l.bytes, l.range_hash, l.line, l.whole_uri
  from ingest.ingest_to_load((p_requests, p_batch, null)::ingest.ingest_fence_v1) with ordinality as l
  join ingest.ingest_requests r on r.id = l.request_id
  cross join lateral (select l.locator is null and l.container is null) as own (inline)
  order by l.ordinality;
$$;

comment on function ingest.ingest_to_load(uuid[], int) is 'For listeners of the former release: ingest_to_load(ingest_fence_v1).';
