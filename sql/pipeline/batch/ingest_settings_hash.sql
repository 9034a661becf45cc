create or replace function ingest.ingest_settings_hash(p_request ingest.ingest_requests) returns bytea
language sql immutable
return sha256(convert_to(((p_request.settings - 'generation') || jsonb_build_object('metadata', p_request.metadata))::text, 'UTF8'));

comment on function ingest.ingest_settings_hash(ingest.ingest_requests) is
  'Digest of everything but the bytes that a document''s chunks depend on.';
