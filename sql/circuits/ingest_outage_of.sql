create or replace function ingest.ingest_outage_of(p_collection text, out service text, out error jsonb, out probe_at timestamptz) returns record
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if not ingest.ingest_may_follow(p_collection) then
    return;
  end if;
  select c.service, c.error - 'place', c.probe_at into service, error, probe_at
  from ingest.ingest_collections k join ingest.ingest_spaces s on s.id = k.space_id
  join ingest.ingest_circuits c on (c.service, c.tenant) = (ingest.ingest_service(s), k.tenant)
  where k.name = p_collection;
end
$$;

comment on function ingest.ingest_outage_of(text) is
  'The service of a collection, how it failed and when it is asked again, while it is away or suspected to be. Nulls for who has no right on the collection.';
