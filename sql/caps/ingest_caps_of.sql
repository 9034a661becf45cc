create or replace function ingest.ingest_caps_of(p_request ingest.ingest_requests)
returns table (scope text, name text, month date, max_texts bigint, max_cost numeric)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- In the order in which they are locked.
  select 'collection', c.name, date_trunc('month', ingest.ingest_now() at time zone 'UTC')::date, c.monthly_texts, c.monthly_cost
  from ingest.ingest_collections c
  where c.name = p_request.collection and num_nonnulls(c.monthly_texts, c.monthly_cost) > 0
  union all
  select 'request', p_request.id::text, '-infinity'::date, (p_request.options ->> 'max_texts')::numeric::bigint, (p_request.options ->> 'max_cost')::numeric
  where p_request.options ?| '{max_texts,max_cost}'::text[]
  union all
  select 'tenant', t.tenant, date_trunc('month', ingest.ingest_now() at time zone 'UTC')::date, t.monthly_texts, t.monthly_cost
  from ingest.ingest_tenant_caps t
  where t.tenant = coalesce(p_request.settings ->> 'tenant', '') and num_nonnulls(t.monthly_texts, t.monthly_cost) > 0;
$$;

comment on function ingest.ingest_caps_of(ingest.ingest_requests) is 'The caps that hold for a request now: its own, and the months'' of its collection and tenant.';
