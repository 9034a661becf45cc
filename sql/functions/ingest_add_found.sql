create or replace function ingest_add_found(
  p_request uuid, p_executor text, p_positions int[], p_batches int[], p_uris text[], p_paths text[], p_media_types text[],
  p_bytes bigint[], p_errors jsonb[]
) returns void
language sql set search_path from current
as $$
  insert into ingest_revisions (request_id, collection, position, batch, uri, path, media_type, bytes, error, state, read_seq)
  select r.id, r.collection, f.position, f.batch, f.uri, f.path, f.media_type, f.bytes, f.error,
         case when f.error is null then 'discovered' else 'failed' end, r.read_seq
  from ingest_requests r
  cross join unnest(p_positions, p_batches, p_uris, p_paths, p_media_types, p_bytes, p_errors)
    as f (position, batch, uri, path, media_type, bytes, error)
  where r.id = p_request and r.status = 'running' and r.executor_id = p_executor and r.discovered_at is null;
$$;

comment on function ingest_add_found(uuid, text, int[], int[], text[], text[], text[], bigint[], jsonb[]) is
  'Writes a page of a request''s manifest; entries with an error are failed documents. Nothing, if another listener runs it.';
