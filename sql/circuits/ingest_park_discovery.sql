create or replace function ingest.ingest_park_discovery(p_request uuid, p_executor text, p_attempt int, p_error jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := ingest.ingest_now();
begin
  perform ingest.ingest_as_system();
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  update ingest.ingest_requests r
  set outage = p_error || jsonb_build_object('since', coalesce(r.outage -> 'since', to_jsonb(v_now))),
      resume_at = coalesce((
        select c.probe_at from ingest.ingest_circuits c
        where c.service = p_error ->> 'service' and c.tenant = coalesce(r.settings ->> 'tenant', '') and c.opened_at is not null), v_now)
  where r.id = p_request;
end
$$;

comment on function ingest.ingest_park_discovery(uuid, text, int, jsonb) is
  'The look for a request''s documents waits for its source from now on. p_error: which (service), and why. IG021 if another execution looks.';
