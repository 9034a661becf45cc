create or replace function ingest.ingest_is_plan(p_request ingest.ingest_requests) returns boolean
language sql immutable
return coalesce((p_request.options ->> 'plan')::boolean, false);

comment on function ingest.ingest_is_plan(ingest.ingest_requests) is 'Whether a request only says what it would do: it sends, publishes and deletes nothing.';
