create or replace function ingest.ingest_locator(p_request ingest.ingest_requests) returns text
language sql immutable
return coalesce(p_request.locator, p_request.local_path);

comment on function ingest.ingest_locator(ingest.ingest_requests) is
  'Where a request''s source lies. (Requests of the former release have local_path only.) Null: whichever listener gets it can read it.';
