create or replace function ingest.ingest_may_run(p_request ingest.ingest_requests, p_executor text, p_monthly boolean) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select (coalesce(l.knows_caps, false)
          or not ingest.ingest_asks_for_caps(p_request) and cardinality(ingest.ingest_active_generations(p_request.collection)) <= 1
             and not (p_monthly and exists (select from ingest.ingest_caps_of(p_request))))
     and ingest.ingest_has_steps(ingest.ingest_step_marks(coalesce(l.steps, '{}')), p_request.settings -> 'steps')
  from (select p_executor as id) e left join ingest.ingest_listeners l on l.executor_id = e.id;
$$;

comment on function ingest.ingest_may_run(ingest.ingest_requests, text, boolean) is
  'Whether a listener may go on with a request, wherever it got it from: one of a former release knows no plans, caps and generations, and each has its own steps. p_monthly: nor those of a month, which '
  'may have been set meanwhile.';
