create or replace function ingest.ingest_add_container(
  p_request uuid, p_executor text, p_container int, p_locator text, p_format jsonb, p_attempt int default null
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  -- path: for listeners of the former release.
  insert into ingest.ingest_containers (request_id, container, locator, path, format)
  values (p_request, p_container, p_locator, p_locator, p_format);
end
$$;

comment on function ingest.ingest_add_container(uuid, text, int, text, jsonb, int) is
  'Enters a file of records into a request''s manifest. IG021 if another listener runs the request.';
