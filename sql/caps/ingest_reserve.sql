create or replace function ingest.ingest_reserve(
  p_fence ingest.ingest_fence_v1, p_tokens bigint[], out granted int, out reservation bigint, out reached jsonb
) returns record
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select a.granted, a.reservation, a.reached
  from ingest.ingest_requests r
  cross join lateral ingest.ingest_reserve_at(
    p_fence, p_tokens, ingest.ingest_price_of(r.settings, (
      select b.executor_id from ingest.ingest_batches b where b.request_id = r.id and b.batch = p_fence.batch)), r.settings ->> 'model') a
  where r.id = p_fence.requests[1];
$$;

comment on function ingest.ingest_reserve(ingest.ingest_fence_v1, bigint[]) is 'ingest_reserve_at, of texts that are to be embedded.';
