create or replace function ingest.ingest_skip_unchanged(p_fence ingest.ingest_fence_v1, p_unchanged ingest.ingest_unchanged_v1[]) returns bigint[]
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_skip_unchanged(p_fence, array(
    select (u.revision, u.read_seq, u.hash, null, null)::ingest.ingest_unchanged_v2 from unnest(p_unchanged) u));
$$;

comment on function ingest.ingest_skip_unchanged(ingest.ingest_fence_v1, ingest.ingest_unchanged_v1[]) is
  'For listeners of the former release: ingest_skip_unchanged(ingest_fence_v1, ingest_unchanged_v2[]).';
