create or replace function ingest.ingest_save_embedded(p_requests uuid[], p_batch int, p_owner uuid, p_ids bigint[], p_errors jsonb[])
returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_save_embedded((p_requests, p_batch, p_owner)::ingest.ingest_fence_v1, array(
    select (o.id, o.error, null)::ingest.ingest_outcome_v2 from unnest(p_ids, p_errors) as o (id, error)));
$$;

comment on function ingest.ingest_save_embedded(uuid[], int, uuid, bigint[], jsonb[]) is
  'For listeners of the former release: ingest_save_embedded(ingest_fence_v1, ingest_outcome_v2[]).';
