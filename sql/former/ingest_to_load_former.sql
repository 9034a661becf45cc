create or replace function ingest.ingest_to_load(p_requests uuid[], p_batch int)
returns table (id bigint, request_id uuid, uri text, path text, media_type text, content text, content_bytes bytea, read_seq bigint,
               live_hash bytea, max_bytes bigint, container int, range_start bigint, bytes bigint, hash bytea,
               line int, root_uri text)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select l.* from ingest.ingest_to_load((p_requests, p_batch, null)::ingest.ingest_fence_v1) l;
$$;

comment on function ingest.ingest_to_load(uuid[], int) is 'For listeners of the former release: ingest_to_load(ingest_fence_v1).';
