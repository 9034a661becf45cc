create or replace function ingest.ingest_end_forgetting(p_orders bigint[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_forget_orders o set done_at = ingest.ingest_now(), uri = null, under = null, looked_in = null, let_back = '{}'
  where o.id = any (p_orders) and o.done_at is null;
$$;

comment on function ingest.ingest_end_forgetting(bigint[]) is 'Notes that orders are carried out: from then on they name nothing.';
