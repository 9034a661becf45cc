create or replace function ingest.ingest_save_chunks(
  p_requests uuid[], p_batch int, p_owner uuid, p_revisions bigint[], p_ordinals int[], p_starts int[], p_ends int[],
  p_texts text[], p_hashes bytea[], p_metadata jsonb[], p_embeddings vectors.vector[]
) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_save_chunks((p_requests, p_batch, p_owner)::ingest.ingest_fence_v1, array(
    select (n.revision, n.ordinal, n.start_char, n.end_char, n.text, ingest.ingest_salted_hash(p_requests[1], n.hash), n.metadata, n.embedding)::ingest.ingest_chunk_v1
    from unnest(p_revisions, p_ordinals, p_starts, p_ends, p_texts, p_hashes, p_metadata, p_embeddings)
      as n (revision, ordinal, start_char, end_char, text, hash, metadata, embedding)));
$$;

comment on function ingest.ingest_save_chunks(uuid[], int, uuid, bigint[], int[], int[], int[], text[], bytea[], jsonb[], vectors.vector[]) is
  'For listeners of the former release: ingest_save_chunks(ingest_fence_v1, ingest_chunk_v1[]).';
