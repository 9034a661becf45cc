create or replace function ingest.ingest_request_bytes(p_request ingest.ingest_requests) returns bigint
language sql stable  -- pg_column_size is, and only so is it inlined
-- None of these reads a large value.
return coalesce(octet_length(p_request.content), octet_length(p_request.content_bytes), 0)::bigint
       + greatest(pg_column_size(p_request.metadata) + pg_column_size(p_request.options) - 1000, 0);

comment on function ingest.ingest_request_bytes(ingest.ingest_requests) is
  'What a request counts for among a submitter''s bytes: its content, and its metadata and options beyond the first 1,000 bytes.';
