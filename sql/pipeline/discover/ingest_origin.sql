create or replace function ingest.ingest_origin(p_request ingest.ingest_requests) returns text
language sql immutable
return case when p_request.source is not null then rtrim(coalesce(p_request.locator, p_request.local_path, p_request.source), '/') end;

comment on function ingest.ingest_origin(ingest.ingest_requests) is
  'What the documents of a request came through: its source, however it was spelled. Null: its own content.';
