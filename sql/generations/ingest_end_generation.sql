create or replace function ingest.ingest_end_generation(p_request uuid, p_goes_on boolean) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_generations g set state = case g.state when 'planned' then 'purged' else 'stopped' end
  where g.request_id = p_request and (g.state = 'planned' or g.state = 'building' and not p_goes_on);
$$;

comment on function ingest.ingest_end_generation(uuid, boolean) is
  'As the request of a generation ends: unless that goes on, nothing is brought into it any more, and publishing does not ask for it, until its request is retried or resumed. That of a plan is gone.';
