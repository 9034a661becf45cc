create or replace function ingest.ingest_reserve_step(
  p_fence ingest.ingest_fence_v1, p_tokens bigint[], p_model text, out granted int, out reservation bigint, out reached jsonb
) returns record
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select a.granted, a.reservation, a.reached from ingest.ingest_reserve_at(p_fence, p_tokens, ingest.ingest_step_price(p_model), p_model) a;
$$;

comment on function ingest.ingest_reserve_step(ingest.ingest_fence_v1, bigint[], text) is
  'ingest_reserve_at, of texts that an own step is to send; p_model: what its price is known by (ingest_step_price).';
