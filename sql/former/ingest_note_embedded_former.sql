create or replace function ingest.ingest_note_embedded(p_requests uuid[], p_batch int, p_owner uuid, p_counted uuid[], p_chunks int[], p_tokens bigint[])
returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_note_embedded((p_requests, p_batch, p_owner)::ingest.ingest_fence_v1, array(
    select (n.request_id, n.chunks, 0, n.tokens)::ingest.ingest_count_v1
    from unnest(p_counted, p_chunks, p_tokens) as n (request_id, chunks, tokens)));
$$;

comment on function ingest.ingest_note_embedded(uuid[], int, uuid, uuid[], int[], bigint[]) is
  'For listeners of the former release: ingest_note_embedded(ingest_fence_v1, ingest_count_v1[]).';
