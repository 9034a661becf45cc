create or replace function ingest.ingest_archive_options(p_request ingest.ingest_requests) returns bytea
language sql immutable
return sha256(convert_to(jsonb_build_array(p_request.options, p_request.metadata)::text, 'UTF8'));

comment on function ingest.ingest_archive_options(ingest.ingest_requests) is 'A digest of what a request wants of archives: its options and metadata.';
