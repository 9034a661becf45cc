create or replace function ingest.ingest_add_found(
  p_request uuid, p_executor text, p_positions int[], p_batches int[], p_uris text[], p_paths text[], p_media_types text[],
  p_bytes bigint[], p_errors jsonb[],
  p_containers int[] default null, p_starts bigint[] default null, p_hashes bytea[] default null,
  p_lines int[] default null, p_attempt int default null
) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_add_found(p_request, p_executor, p_attempt, array(
    select (f.position, f.batch, f.uri, f.path, f.media_type, f.bytes, f.error, f.container, f.range_start, f.hash, f.line,
            null, null)::ingest.ingest_found_v1
    from unnest(p_positions, p_batches, p_uris, p_paths, p_media_types, p_bytes, p_errors, p_containers, p_starts, p_hashes,
                p_lines) with ordinality
      as f (position, batch, uri, path, media_type, bytes, error, container, range_start, hash, line, place)
    order by f.place));
$$;

comment on function ingest.ingest_add_found(uuid, text, int[], int[], text[], text[], text[], bigint[], jsonb[], int[], bigint[], bytea[], int[], int) is
  'For listeners of the former release: ingest_add_found(uuid, text, int, ingest_found_v1[]).';
