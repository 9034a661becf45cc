create or replace function ingest.ingest_save_chunked(p_fence ingest.ingest_fence_v1, p_cuts ingest.ingest_cut_v1[]) returns int
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_save_chunked(p_fence, array(
    select (c.revision, c.starts, c.ends, c.headings, c.error, null)::ingest.ingest_cut_v2
    from unnest(p_cuts) with ordinality as c order by c.ordinality));
$$;

comment on function ingest.ingest_save_chunked(ingest.ingest_fence_v1, ingest.ingest_cut_v1[]) is
  'For listeners of the former release: ingest_save_chunked(ingest_fence_v1, ingest_cut_v2[]).';
