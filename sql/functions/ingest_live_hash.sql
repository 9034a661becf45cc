create or replace function ingest_live_hash(p_document ingest_documents, p_request ingest_requests) returns bytea
language sql stable set search_path from current
as $$
  -- Parts lie inside of the bytes: if one failed, the same bytes are worth another reading.
  select p_document.content_hash
  where p_document.revision_id is not null and p_document.settings_hash = ingest_settings_hash(p_request)
    and not exists (select from ingest_revisions part where part.parent_id = p_document.revision_id and part.state = 'failed');
$$;

comment on function ingest_live_hash(ingest_documents, ingest_requests) is
  'SHA-256 of a document''s bytes that need not be ingested again by a request: they are live, under the same settings.';
