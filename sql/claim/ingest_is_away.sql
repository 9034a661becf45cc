create or replace function ingest.ingest_is_away(p_collection text, p_space jsonb) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_service text;
  v_tenant text;
begin
  select ingest.ingest_service(s), c.tenant into v_service, v_tenant
  from ingest.ingest_collections c left join ingest.ingest_spaces s on s.id = c.space_id where c.name = p_collection;
  return exists (
    select from ingest.ingest_circuits o
    where o.service = coalesce(v_service, ingest.ingest_service_of(p_space)) and o.tenant = coalesce(v_tenant, ''));
end
$$;

comment on function ingest.ingest_is_away(text, jsonb) is
  'Whether the service that embeds a collection is away, or suspected to be; p_space: the space of one that has none yet.';
