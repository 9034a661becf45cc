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
    where o.service = coalesce(v_service, ingest.ingest_service_of(p_space)) and o.tenant = coalesce(v_tenant, ''))
    -- What brings it to another service must begin; what is claimed beside it waits by itself.
    and not exists (
      select from ingest.ingest_generations g join ingest.ingest_requests r on r.id = g.request_id
      where g.collection = p_collection and g.state in ('planned', 'building') and r.status = 'pending');
end
$$;

comment on function ingest.ingest_is_away(text, jsonb) is
  'Whether requests of a collection have to wait, since the service that embeds it is away, or suspected to be; p_space: the space of one that has none yet. '
  'False while a request that brings it into another generation waits to begin.';
