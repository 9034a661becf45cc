create or replace function ingest.ingest_cap_tenant(p_tenant text, p_settings jsonb) returns ingest.ingest_tenant_caps
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_caps ingest.ingest_tenant_caps;
begin
  if jsonb_typeof(p_settings) is distinct from 'object' or p_tenant is null or octet_length(p_tenant) > 48 or exists (
       select from jsonb_each(p_settings) as s (key, value)
       where s.key not in ('monthly_texts', 'monthly_cost')
          or not ingest.ingest_is_cap(s.key, s.value)) then
    raise exception 'caps of tenant "%" are %', left(p_tenant, 100), left(p_settings::text, 100)
      using errcode = 'IG012', constraint = 'wrong_cap', hint = 'Write them like select ingest_cap_tenant(''acme'', ''{"monthly_texts": 100000, "monthly_cost": 20}''), above 0 and at most 1e12; null takes one away. '
                                                                      'The tenant of collections without one is ''''.';
  end if;
  -- One whose collections are gone keeps its caps, and can lose them.
  if p_tenant <> '' and not exists (select from ingest.ingest_collections c where c.tenant = p_tenant)
     and not exists (select from ingest.ingest_tenant_caps t where t.tenant = p_tenant) then
    raise exception 'no collection is of tenant "%"', p_tenant
      using errcode = 'IG014', constraint = 'unknown_tenant', hint = 'See select distinct tenant from ingest_collections.';
  end if;
  insert into ingest.ingest_tenant_caps (tenant) values (p_tenant) on conflict do nothing;
  update ingest.ingest_tenant_caps t
  set monthly_texts = case when p_settings ? 'monthly_texts' then (p_settings ->> 'monthly_texts')::numeric::bigint else t.monthly_texts end,
      monthly_cost = case when p_settings ? 'monthly_cost' then (p_settings ->> 'monthly_cost')::numeric else t.monthly_cost end
  where t.tenant = p_tenant
  returning t.* into v_caps;
  return v_caps;
end
$$;

comment on function ingest.ingest_cap_tenant(text, jsonb) is
  'Caps what the collections of a tenant ('''': those without one) may send to embedders in a month (UTC), together: monthly_texts, monthly_cost. What is '
  'not named stays, null takes a cap away. For the owner. IG012 wrong cap, IG014 unknown tenant.';
