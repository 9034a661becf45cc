create or replace function ingest_add_found(
  p_request uuid, p_executor text, p_positions int[], p_batches int[], p_uris text[], p_paths text[], p_media_types text[],
  p_bytes bigint[], p_errors jsonb[],
  p_containers int[] default null, p_starts bigint[] default null, p_hashes bytea[] default null,
  p_lines int[] default null, p_attempt int default null
) returns void
language plpgsql set search_path from current
as $$
begin
  perform ingest_check_discoverer(p_request, p_executor, p_attempt);
  insert into ingest_revisions
    (request_id, collection, position, batch, uri, path, media_type, bytes, error, state, read_seq, container, range_start,
     range_hash, line)
  select r.id, r.collection, f.position, f.batch, f.uri, f.path, f.media_type, f.bytes, f.error,
         case when f.error is null then 'discovered' else 'failed' end, r.read_seq, f.container, f.range_start, f.hash, f.line
  from ingest_requests r
  cross join unnest(p_positions, p_batches, p_uris, p_paths, p_media_types, p_bytes, p_errors, p_containers, p_starts, p_hashes,
                    p_lines)
    as f (position, batch, uri, path, media_type, bytes, error, container, range_start, hash, line)
  where r.id = p_request;
end
$$;

comment on function ingest_add_found(uuid, text, int[], int[], text[], text[], text[], bigint[], jsonb[], int[], bigint[], bytea[], int[], int) is
  'Writes a page of a request''s manifest; entries with an error are failed documents. IG021 if another execution does.';
