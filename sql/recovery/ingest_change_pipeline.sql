create or replace function ingest.ingest_change_pipeline(p_request uuid, p_pipeline text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- No document goes through the steps of two versions: what is on its way starts over, what is published stays.
-- begun: a listener that dies before it has rewound the workflows leaves a request that was claimed and not started.
begin
  if exists (select from ingest.ingest_requests r where r.id = p_request and r.settings ->> 'pipeline' = p_pipeline) then
    return;
  end if;
  perform ingest.ingest_as_system();
  perform ingest.ingest_undo(p_request, 'discovered'::text);
  update ingest.ingest_batches b set owner = null where b.request_id = p_request;
  update ingest.ingest_requests r set settings = r.settings || jsonb_build_object('pipeline', p_pipeline), begun = least(r.begun, r.attempt - 1)
  where r.id = p_request;
end
$$;

comment on function ingest.ingest_change_pipeline(uuid, text) is 'Has a request go on with the steps of another version of the program.';
