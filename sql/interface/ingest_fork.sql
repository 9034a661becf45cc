create or replace function ingest.ingest_fork(
  request uuid, from_step text default 'discover', options jsonb default '{}', collection text default null
) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_request ingest.ingest_requests;
  v_id uuid;
begin
  -- A null, as programs send it for what is not given, is the default.
  from_step := coalesce(from_step, 'discover');
  options := coalesce(nullif(options, 'null'), '{}');
  collection := nullif(collection, '');
  perform ingest.ingest_require_request(request);
  perform ingest.ingest_as_system();
  select r.* into v_request from ingest.ingest_requests r where r.id = request for share;
  if not found then
    raise exception 'there is no request %', request
      using errcode = 'IG010', constraint = 'unknown_request', hint = 'See select id, status from ingest_requests.';
  end if;
  perform ingest.ingest_check_fork(v_request, from_step);
  if from_step <> 'discover' and (v_request.options || options) -> 'record' is distinct from v_request.options -> 'record' then
    raise exception 'option "record" determines the documents'
      using errcode = 'IG023', constraint = 'other_settings', hint = 'Fork it from discover.';
  end if;
  insert into ingest.ingest_requests
    (source, content, content_bytes, media_type, uri, collection, options, metadata, priority, forked_from, fork_step)
  select r.source, r.content, r.content_bytes, r.media_type, coalesce(r.uri, case when r.source is null then r.id::text end),
         coalesce(ingest_fork.collection, r.collection), r.options || ingest_fork.options, r.metadata, r.priority, r.id,
         ingest_fork.from_step
  from ingest.ingest_requests r where r.id = request
  returning id into v_id;
  insert into ingest.ingest_commands (request_id, verb, arguments, done_at, outcome)
  values (request, 'fork', jsonb_build_object('from_step', from_step, 'options', options, 'collection', collection),
          ingest.ingest_now(), v_id::text);
  return v_id;
end
$$;

comment on function ingest.ingest_fork(uuid, text, jsonb, text) is
  'A new request like another one that starts at discover, load, chunk, embed or save: what the other had produced before that step is not '
  'produced again. Returns the new request''s id. IG010 unknown, IG011 wrong state, IG019 unknown step, IG022 already purged, '
  'IG023 another option record.';
