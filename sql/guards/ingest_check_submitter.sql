create or replace function ingest.ingest_check_submitter(p_request ingest.ingest_requests) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- The first of all checks, for all but the owner: a role that may not submit to a collection changes and learns nothing.
begin
  -- Its own grants first, in a statement of their own: every inserter pays for this. (Those of a watch's maker were looked at.)
  if p_request.watch is not null or exists (
       select from ingest.ingest_collection_grants g
       where g.role = coalesce(nullif(current_setting('role'), 'none')::name, session_user) and g.may = 'submit'
         and g.collection in ('', p_request.collection)) then
    null;
  elsif not ingest.ingest_may('submit'::text, p_request.collection)
     -- An operator of a collection may repeat there what was done there.
     and (p_request.forked_from is null or not ingest.ingest_may('operate'::text, p_request.collection))
     -- Who operates it may have it re-embedded, which reads no source.
     and (p_request.source not like 'collection:%' or not ingest.ingest_may('operate'::text, p_request.collection)) is not false
     -- A listener inserts those of watches, whose makers may submit.
     and (p_request.source not like 'table:%' or not ingest.ingest_is_watchs(p_request)) is not false then
    perform ingest.ingest_require('submit'::text, p_request.collection);
  end if;
  -- A fork has the name that its original has. (ingest_may_fork lets none be inserted by hand.)
  if p_request.source is null and p_request.uri is not null and p_request.forked_from is null then
    perform ingest.ingest_check_uri(p_request.uri);
  end if;
end
$$;

comment on function ingest.ingest_check_submitter(ingest.ingest_requests) is
  'Raises IG040 unless the caller may submit to the collection of a new request, IG009 where its content is named like a source''s '
  'document.';
