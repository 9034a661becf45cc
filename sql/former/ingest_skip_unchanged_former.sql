create or replace function ingest_skip_unchanged(
  p_requests uuid[], p_batch int, p_owner uuid, p_ids bigint[], p_read_seqs bigint[], p_hashes bytea[]
) returns bigint[]
language sql set search_path from current
as $$
  select ingest_skip_unchanged((p_requests, p_batch, p_owner)::ingest_fence_v1, array(
    select (u.id, u.read_seq, u.hash)::ingest_unchanged_v1 from unnest(p_ids, p_read_seqs, p_hashes) as u (id, read_seq, hash)));
$$;

comment on function ingest_skip_unchanged(uuid[], int, uuid, bigint[], bigint[], bytea[]) is
  'For listeners of the former release: ingest_skip_unchanged(ingest_fence_v1, ingest_unchanged_v1[]).';
