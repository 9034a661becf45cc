create or replace function ingest.ingest_save_chunked(
  p_requests uuid[], p_batch int, p_owner uuid, p_ids bigint[], p_starts text[], p_ends text[],
  p_headings jsonb[], p_errors jsonb[]
) returns int
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_save_chunked((p_requests, p_batch, p_owner)::ingest.ingest_fence_v1, array(
    select (c.id, c.starts::int[], c.ends::int[], c.headings, c.error)::ingest.ingest_cut_v1
    from unnest(p_ids, p_starts, p_ends, p_headings, p_errors) as c (id, starts, ends, headings, error)));
$$;

comment on function ingest.ingest_save_chunked(uuid[], int, uuid, bigint[], text[], text[], jsonb[], jsonb[]) is
  'For listeners of the former release: ingest_save_chunked(ingest_fence_v1, ingest_cut_v1[]).';
