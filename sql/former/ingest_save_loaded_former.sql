create or replace function ingest.ingest_save_loaded(
  p_requests uuid[], p_batch int, p_owner uuid,
  p_ids bigint[], p_read_seqs bigint[], p_hashes bytea[], p_bytes bigint[], p_texts text[], p_titles text[],
  p_media_types text[], p_metadata jsonb[], p_errors jsonb[], p_pages jsonb[] default null, p_parts text[] default null
) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_save_loaded((p_requests, p_batch, p_owner)::ingest.ingest_fence_v1, array(
    select (l.id, l.read_seq, l.hash, l.bytes, l.text, l.title, l.media_type, l.metadata, ingest.ingest_ints(l.pages), l.error, l.part,
            null, null, null, null)::ingest.ingest_loaded_v2
    from unnest(p_ids, p_read_seqs, p_hashes, p_bytes, p_texts, p_titles, p_media_types, p_metadata, p_errors, p_pages, p_parts)
      with ordinality as l (id, read_seq, hash, bytes, text, title, media_type, metadata, error, pages, part, place)
    order by l.place));
$$;

comment on function ingest.ingest_save_loaded(uuid[], int, uuid, bigint[], bigint[], bytea[], bigint[], text[], text[], text[], jsonb[], jsonb[], jsonb[], text[]) is
  'For listeners of the former release: ingest_save_loaded(ingest_fence_v1, ingest_loaded_v2[]).';
