create or replace function ingest.ingest_is_long(p_request ingest.ingest_requests) returns boolean
language sql immutable
return p_request.source is not null or p_request.content is null or octet_length(p_request.content) > 65536;

comment on function ingest.ingest_is_long(ingest.ingest_requests) is
  'Whether a request may be much work: any but a small text of its own. The two kinds have places, and turns, of their own.';
