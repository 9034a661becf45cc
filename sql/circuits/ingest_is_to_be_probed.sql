create or replace function ingest.ingest_is_to_be_probed(p_circuit ingest.ingest_circuits) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- No service is left alone for more than an hour: what is farther off was written before the clock went back.
  select (p_circuit.probe_at <= ingest.ingest_now() or p_circuit.probe_at > ingest.ingest_now() + interval '61 minutes')
         and not ingest.ingest_is_probed(p_circuit);
$$;

comment on function ingest.ingest_is_to_be_probed(ingest.ingest_circuits) is 'Whether a service is to be asked now, and nobody asks it.';
