create or replace function ingest.ingest_forgettings(p_order bigint default null)
returns table (id bigint, collections text[], asked_by text, asked_at timestamptz, removed jsonb, workflows_left bigint, swept_at timestamptz, done_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select o.id, o.collections, o.asked_by::text, o.asked_at, o.removed,
         (select count(*) from ingest.ingest_left_workflows l where l.order_id = o.id), o.swept_at, o.done_at
  from ingest.ingest_forget_orders o
  where (p_order is null or o.id = p_order)
    and not exists (select from unnest(o.collections) c (name) where not ingest.ingest_may('operate'::text, c.name))
  order by o.id desc;
$$;

comment on function ingest.ingest_forgettings(bigint) is
  'What was ordered to be forgotten, by whom, how much was removed, and whether it is done; the newest first. Operators see those of their collections.';
