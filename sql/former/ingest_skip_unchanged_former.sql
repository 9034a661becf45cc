create or replace function ingest.ingest_skip_unchanged(
  p_requests uuid[], p_batch int, p_owner uuid, p_ids bigint[], p_read_seqs bigint[], p_hashes bytea[]
) returns bigint[]
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_skip_unchanged((p_requests, p_batch, p_owner)::ingest.ingest_fence_v1, array(
    select (u.id, u.read_seq, u.hash, null, null)::ingest.ingest_unchanged_v2 from unnest(p_ids, p_read_seqs, p_hashes) as u (id, read_seq, hash)));
$$;

comment on function ingest.ingest_skip_unchanged(uuid[], int, uuid, bigint[], bigint[], bytea[]) is
  'For listeners of the former release: ingest_skip_unchanged(ingest_fence_v1, ingest_unchanged_v2[]).';
