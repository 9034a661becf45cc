create or replace function ingest_to_load(p_requests uuid[], p_batch int)
returns table (id bigint, request_id uuid, uri text, path text, media_type text, content text, content_bytes bytea, read_seq bigint,
               live_hash bytea, max_bytes bigint, container int, range_start bigint, bytes bigint, hash bytea,
               line int, root_uri text)
language sql volatile set search_path from current
as $$
  select v.id, v.request_id, v.uri, coalesce(v.path, root.path), coalesce(r.media_type, v.media_type),
         case when coalesce(v.path, root.path) is null and v.container is null then r.content end,
         case when coalesce(v.path, root.path) is null and v.container is null then r.content_bytes end,
         coalesce(v.read_seq, nextval('ingest_read_seq')),
         case when not coalesce((r.options ->> 'force')::boolean, false) then live.hash end,
         (r.options ->> 'max_bytes')::numeric::bigint, v.container, v.range_start, v.bytes, v.range_hash, v.line, root.uri
  from ingest_requests r
  join ingest_revisions v on v.request_id = r.id
  left join ingest_revisions root on root.id = v.parent_id
  left join ingest_live_hashes(p_requests, p_batch) live on live.id = v.id
  where r.id = any (p_requests) and r.status = 'running' and v.batch = p_batch and v.state = 'discovered'
  order by v.request_id, v.position;
$$;

comment on function ingest_to_load(uuid[], int) is
  'What the load step has to read, each with a fresh number of reading and the hash of what is live under the same settings. '
  'root_uri: the document that it is a part of.';
