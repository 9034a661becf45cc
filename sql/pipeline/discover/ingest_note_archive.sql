create or replace function ingest.ingest_note_archive(p_request uuid, p_executor text, p_attempt int, p_uri text, p_state text, p_members int) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_as_system();
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  insert into ingest.ingest_archives (key, request_id, uri, state, options, members)
  select ingest.ingest_archive_key(r, p_uri), r.id, p_uri, p_state, ingest.ingest_archive_options(r), p_members
  from ingest.ingest_requests r
  where r.id = p_request and r.source is not null and not ingest.ingest_is_kept_out(r.collection, p_uri) and not ingest.ingest_is_plan(r)
  on conflict (key) do update
  set request_id = excluded.request_id, state = excluded.state, options = excluded.options, members = excluded.members;
end
$$;

comment on function ingest.ingest_note_archive(uuid, text, int, text, text, int) is
  'Notes the state of an archive that discovery has listed to the end, and how many documents are in it. IG021 if another execution does.';
