create or replace function ingest.ingest_may_run(p_request ingest.ingest_requests, p_executor text, p_monthly boolean) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select l.knows_caps from ingest.ingest_listeners l where l.executor_id = p_executor), false)
      or not ingest.ingest_asks_for_caps(p_request) and cardinality(ingest.ingest_active_generations(p_request.collection)) <= 1 and not (p_monthly and exists (select from ingest.ingest_caps_of(p_request)));
$$;

comment on function ingest.ingest_may_run(ingest.ingest_requests, text, boolean) is
  'Whether a listener may go on with a request, wherever it got it from: one of a former release knows no plans, caps and generations. p_monthly: nor those of a month, which '
  'may have been set meanwhile.';
