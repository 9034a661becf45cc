create or replace function ingest.ingest_is_probed(p_circuit ingest.ingest_circuits) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(p_circuit.probe_until > ingest.ingest_now(), false) and exists (
    select from ingest.ingest_listeners l where l.executor_id = p_circuit.probed_by and l.dead_at is null);
$$;

comment on function ingest.ingest_is_probed(ingest.ingest_circuits) is 'Whether a living listener asks a service just now.';
