create or replace function ingest.ingest_has_other_steps(p_request ingest.ingest_requests, p_executor text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select p_request.settings ? 'steps' and exists (
    select from ingest.ingest_listeners l
    where l.executor_id = p_executor
      and ingest.ingest_step_versions(p_request.settings -> 'steps', l.steps) -> 'step_versions' is distinct from p_request.settings -> 'step_versions');
$$;

comment on function ingest.ingest_has_other_steps(ingest.ingest_requests, text) is
  'Whether a listener has the own steps of a request in other versions than it started with, or lacks one.';
