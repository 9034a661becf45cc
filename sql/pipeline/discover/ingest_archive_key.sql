create or replace function ingest.ingest_archive_key(p_request ingest.ingest_requests, p_uri text) returns bytea
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select sha256(convert_to(jsonb_build_array(p_request.collection, ingest.ingest_origin(p_request), p_uri)::text, 'UTF8'));
$$;

comment on function ingest.ingest_archive_key(ingest.ingest_requests, text) is 'What an archive is kept under: its collection, the source that led to it, its URI.';
