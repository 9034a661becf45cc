create or replace function ingest.ingest_suspect(
  p_service text, p_tenant text, p_executor text, p_error jsonb, p_wish float8, p_lease float8
) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := ingest.ingest_now();
begin
  if p_wish is not null then
    insert into ingest.ingest_circuits as c (service, tenant, opened_at, failures, error, probe_at)
    values (p_service, p_tenant, v_now, 1, p_error, v_now + p_wish * interval '1 second')
    on conflict on constraint ingest_circuits_pkey do update
    set opened_at = coalesce(c.opened_at, v_now), failures = greatest(c.failures, 1), error = excluded.error,
        probe_at = greatest(c.probe_at, excluded.probe_at);
    return false;
  end if;
  insert into ingest.ingest_circuits (service, tenant, error, probe_at, probed_by, probe_until)
  values (p_service, p_tenant, p_error, v_now, p_executor, v_now + p_lease * interval '1 second')
  on conflict on constraint ingest_circuits_pkey do nothing;
  return found;
end
$$;

comment on function ingest.ingest_suspect(text, text, text, jsonb, float8, float8) is
  'Says that a call of a service failed. True: the caller is to ask it whether it lives (ingest_end_probe); false: its circuit is open, or '
  'somebody already probes it. p_wish: for how many seconds it asks to be left alone, which opens the circuit at once. p_lease: seconds for probing.';
