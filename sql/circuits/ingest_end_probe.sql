create or replace function ingest.ingest_end_probe(
  p_service text, p_tenant text, p_executor text, p_error jsonb, p_wish float8
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := ingest.ingest_now();
begin
  if p_error is null then
    delete from ingest.ingest_circuits c where c.service = p_service and c.tenant = p_tenant and c.probed_by = p_executor;
    if found then
      perform pg_notify(ingest.ingest_channel('doorbell'::text), '');  -- pending requests can be claimed again
    end if;
  else
    update ingest.ingest_circuits c
    set opened_at = coalesce(c.opened_at, v_now), failures = c.failures + 1, error = p_error, probed_by = null, probe_until = null,
        probe_at = v_now + interval '1 second' * coalesce(p_wish, least(2.0 ^ least(c.failures, 10), 60) * (0.75 + 0.25 * random()))
    where c.service = p_service and c.tenant = p_tenant and c.probed_by = p_executor;
  end if;
end
$$;

comment on function ingest.ingest_end_probe(text, text, text, jsonb, float8) is
  'What a service answered to the listener that asked. p_error null: it lives, and the circuit is closed. Else it is asked again after p_wish '
  'seconds, or ever later, after a minute at most.';
