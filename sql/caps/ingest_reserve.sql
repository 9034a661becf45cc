create or replace function ingest.ingest_reserve(
  p_fence ingest.ingest_fence_v1, p_tokens bigint[], out granted int, out reservation bigint, out reached jsonb
) returns record
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select a.granted, a.reservation, a.reached
  from (select p_fence.requests[1] as request) f
  left join ingest.ingest_requests r on r.id = f.request
  left join ingest.ingest_batches b on b.request_id = r.id and b.batch = p_fence.batch
  cross join lateral ingest.ingest_worked_settings(r.settings, r.collection, b.generation) as w (settings)
  cross join lateral ingest.ingest_reserve_at(p_fence, p_tokens, ingest.ingest_price_of(w.settings, b.executor_id), w.settings ->> 'model') a;
$$;

comment on function ingest.ingest_reserve(ingest.ingest_fence_v1, bigint[]) is 'ingest_reserve_at, of texts that are to be embedded.';
