create or replace function ingest.ingest_change_steps(p_request uuid, p_executor text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- As ingest_change_pipeline: what is on its way starts over, what is published stays.
begin
  perform ingest.ingest_as_system();
  perform ingest.ingest_undo(p_request, 'discovered'::text);
  update ingest.ingest_batches b set owner = null where b.request_id = p_request;
  update ingest.ingest_requests r set settings = r.settings || ingest.ingest_step_versions(r.settings -> 'steps', l.steps)
  from ingest.ingest_listeners l where r.id = p_request and l.executor_id = p_executor;
end
$$;

comment on function ingest.ingest_change_steps(uuid, text) is 'Has a request continue with its own steps in the versions that a listener has.';
