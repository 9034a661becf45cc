create or replace function ingest.ingest_take_probe(p_service text, p_tenant text, p_executor text, p_lease float8) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- The row's lock, then the look at it: of two listeners, the second one sees that the first has taken it.
declare
  v_circuit ingest.ingest_circuits;
begin
  select c.* into v_circuit from ingest.ingest_circuits c
  where c.service = p_service and c.tenant = p_tenant for no key update skip locked;
  if not found or not ingest.ingest_is_to_be_probed(v_circuit) then
    return false;
  end if;
  update ingest.ingest_circuits c
  set probed_by = p_executor, probe_until = ingest.ingest_now() + p_lease * interval '1 second'
  where c.service = p_service and c.tenant = p_tenant;
  return true;
end
$$;

comment on function ingest.ingest_take_probe(text, text, text, float8) is
  'Makes a listener the only one to ask a service, for p_lease seconds; false if it is too early, or another one asks.';
