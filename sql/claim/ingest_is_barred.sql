create or replace function ingest.ingest_is_barred(p_collection text, p_folders text[]) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select not ' knows caps' = any (p_folders) and cardinality(ingest.ingest_active_generations(p_collection)) > 1 or exists (
    select from ingest.ingest_collections c left join ingest.ingest_tenant_caps t on t.tenant = c.tenant
    where c.name = p_collection
      and (not ' knows caps' = any (p_folders) and num_nonnulls(c.monthly_texts, c.monthly_cost, t.monthly_texts, t.monthly_cost) > 0
           or not ingest.ingest_has_steps(p_folders, c.steps)));
$$;

comment on function ingest.ingest_is_barred(text, text[]) is
  'Whether a collection''s requests, since it has monthly caps, several generations or own steps, are not for a listener with these folders: it knows none of these (ingest_may_carry).';
