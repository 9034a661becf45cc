create or replace function ingest.ingest_swept_orders() returns bigint[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(o.id order by o.id), '{}') from ingest.ingest_forget_orders o
  where o.swept_at is not null and o.done_at is null
    and not exists (select from ingest.ingest_left_workflows l where l.order_id = o.id);
$$;

comment on function ingest.ingest_swept_orders() is 'Orders of which nothing is left but the planner''s statistics.';
