create or replace function ingest.ingest_add_spent(p_counts ingest.ingest_count_v1[], p_price numeric) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Where no cap was asked for there is no row, and nothing to do. Locked in the order in which ingest_reserve locks.
begin
  if not exists (select from ingest.ingest_spent) then
    return;
  end if;
  with sent as (
    select r.id::text as request, r.collection, coalesce(r.settings ->> 'tenant', '') as tenant, n.texts, n.tokens * p_price / 1000000 as cost
    from unnest(p_counts) n join ingest.ingest_requests r on r.id = n.request_id
  ), added as materialized (
    select a.scope, a.name, case when a.scope = 'request' then '-infinity'::date else date_trunc('month', ingest.ingest_now() at time zone 'UTC')::date end as month,
           sum(a.texts) as texts, coalesce(sum(a.cost), 0) as cost
    from (select 'collection' as scope, s.collection as name, s.texts, s.cost from sent s
          union all select 'request', s.request, s.texts, s.cost from sent s
          union all select 'tenant', s.tenant, s.texts, s.cost from sent s) a
    group by 1, 2, 3
  ), locked as materialized (
    select s.scope, s.name, s.month, a.texts, a.cost from added a
    join ingest.ingest_spent s on s.scope = a.scope and s.name = a.name and s.month = a.month
    order by s.scope, s.name for no key update of s
  )
  update ingest.ingest_spent s set texts = s.texts + l.texts, cost = s.cost + l.cost
  from locked l where s.scope = l.scope and s.name = l.name and s.month = l.month;
end
$$;

comment on function ingest.ingest_add_spent(ingest.ingest_count_v1[], numeric) is 'Adds what was sent to what is used of the caps that somebody has asked for.';
