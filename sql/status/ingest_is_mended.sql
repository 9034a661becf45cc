create or replace function ingest.ingest_is_mended(p_failed ingest.ingest_revisions, p_document ingest.ingest_documents) returns boolean
language sql immutable
-- Entries refused by discovery had no number in former releases.
return case when p_failed.read_seq is null then p_document.updated_at > coalesce(p_failed.failed_at, p_failed.created_at)
            else p_document.live_seq >= p_failed.read_seq end;

comment on function ingest.ingest_is_mended(ingest.ingest_revisions, ingest.ingest_documents) is
  'Whether a document, live or deleted, was read later than an attempt on it that failed, or found unchanged since.';
