create or replace function ingest.ingest_to_load(p_fence ingest.ingest_fence_v1)
returns table (id bigint, request_id uuid, uri text, locator text, media_type text, read_seq bigint, live_hash bytea, max_bytes bigint,
               container int, range_start bigint, bytes bigint, range_hash bytea, line int, whole_uri text,
               version text, live_bytes bigint, live_version text, live_modified_at timestamptz)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select v.id, v.request_id, v.uri, coalesce(v.locator, v.path, whole.locator, whole.path), coalesce(r.media_type, v.media_type),
         coalesce(v.read_seq, nextval('ingest.ingest_read_seq')),
         case when not coalesce((r.options ->> 'force')::boolean, false) then live.hash end,
         (r.options ->> 'max_bytes')::numeric::bigint, v.container, v.range_start, v.bytes, v.range_hash, v.line, whole.uri, v.version, d.bytes, d.version, d.modified_at
  from ingest.ingest_requests r
  join ingest.ingest_revisions v on v.request_id = r.id
  left join ingest.ingest_revisions whole on whole.id = v.parent_id
  left join ingest.ingest_live_hashes(p_fence.requests, p_fence.batch) live on live.id = v.id
  left join ingest.ingest_documents d on live.hash is not null and d.collection = v.collection and d.uri = v.uri
  where r.id = any (p_fence.requests) and r.status = 'running' and v.batch = p_fence.batch and v.state = 'discovered'
  order by v.request_id, v.position;
$$;

comment on function ingest.ingest_to_load(ingest.ingest_fence_v1) is
  'What the load step has to read, each with a fresh number of reading and the hash of what is live under the same settings. '
  'Without a locator and a container it is the requests own content. whole_uri: the document that it is a part of.';
