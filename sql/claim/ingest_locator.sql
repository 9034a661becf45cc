create or replace function ingest_locator(p_request ingest_requests) returns text
language sql immutable
return coalesce(p_request.locator, p_request.local_path);

comment on function ingest_locator(ingest_requests) is
  'Where a request''s source lies. (Requests of the former release have local_path only.) Null: whichever listener gets it can read it.';
