create or replace function ingest.ingest_generation(p_request ingest.ingest_requests) returns int
language sql immutable
return coalesce((p_request.settings ->> 'generation')::int, 1);

comment on function ingest.ingest_generation(ingest.ingest_requests) is 'The generation that a request writes: that which was live when it started.';
