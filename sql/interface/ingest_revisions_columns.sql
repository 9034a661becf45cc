comment on column ingest.ingest_revisions.id is 'Its number.';
comment on column ingest.ingest_revisions.request_id is 'The request that made the attempt.';
comment on column ingest.ingest_revisions.position is 'Its place among the request''s documents.';
comment on column ingest.ingest_revisions.batch is 'Its batch in the request (ingest_batches). Null: in none.';
comment on column ingest.ingest_revisions.collection is 'The collection of its document.';
comment on column ingest.ingest_revisions.uri is 'The URI of its document.';
comment on column ingest.ingest_revisions.document_id is 'Its document: ingest_documents.id. Null: not known yet, or none was made.';
comment on column ingest.ingest_revisions.state is
  'discovered, loaded, chunked, embedded, published, skipped or failed: the last step that it has completed. published: it was made live once; ingest_documents.revision_id says what is live now.';
comment on column ingest.ingest_revisions.reason is
  'Why it was skipped: unchanged, superseded, duplicate, deleted, unsupported, dropped (by an own step; warning says why), or planned: a plan counted it, and went no further. Null: not skipped.';
comment on column ingest.ingest_revisions.error is 'Why it failed: code, message, hint, step, retryable. Null: it did not fail.';
comment on column ingest.ingest_revisions.path is 'System: same as locator, in rows of the former release.';
comment on column ingest.ingest_revisions.media_type is 'Its media type. Null: not read yet.';
comment on column ingest.ingest_revisions.bytes is 'Its size as read, in bytes. Null: not known yet.';
comment on column ingest.ingest_revisions.read_seq is 'System: the number of this reading; a newer one wins. Null: not read yet.';
comment on column ingest.ingest_revisions.content_hash is 'SHA-256 of the bytes. Null: not read yet.';
comment on column ingest.ingest_revisions.settings_hash is 'Digest of the settings with which it was chunked and embedded. Null: not read yet.';
comment on column ingest.ingest_revisions.title is 'Its title. Null: it has none, or is not read yet.';
comment on column ingest.ingest_revisions.text is 'The normalized text; starts and ends are offsets into it, in characters. Null: not read yet, or purged.';
comment on column ingest.ingest_revisions.metadata is
  'What the parser or the record says about it, such as its language. The request''s metadata is stored with the chunks.';
comment on column ingest.ingest_revisions.starts is 'Where each chunk starts in text, in characters. Null: not chunked yet, or purged.';
comment on column ingest.ingest_revisions.ends is 'Where each chunk ends in text, in characters. Null: not chunked yet, or purged.';
comment on column ingest.ingest_revisions.headings is 'The heading path of each chunk. Null: not chunked yet, or no headings.';
comment on column ingest.ingest_revisions.created_at is 'When discovery found it.';
comment on column ingest.ingest_revisions.loaded_at is 'When its text was stored. Null: not loaded.';
comment on column ingest.ingest_revisions.published_at is 'When it was made live. Null: it was not.';
comment on column ingest.ingest_revisions.replaced_at is
  'When another revision replaced it; its text and chunks are purged INGEST_RETENTION_HOURS later. Null: not replaced.';
comment on column ingest.ingest_revisions.container is 'The file that it is a record of: ingest_containers.container. Null: not a record.';
comment on column ingest.ingest_revisions.range_start is 'Where the record starts in its file, in bytes. Null: not a record.';
comment on column ingest.ingest_revisions.range_hash is 'SHA-256 of the record''s bytes as discovery saw them. Null: not a record.';
comment on column ingest.ingest_revisions.line is 'The record''s line in its file, from 1. Null: not a record.';
comment on column ingest.ingest_revisions.parent_id is 'The revision that it is a part of, such as the e-mail of an attachment. Null: not a part.';
comment on column ingest.ingest_revisions.pages is 'Where each page starts in text, in characters. Null: no pages.';
comment on column ingest.ingest_revisions.origin_id is 'Of a fork: the revision whose text was copied. Null: not copied.';
comment on column ingest.ingest_revisions.generation is 'The generation of its collection in which it was made.';
comment on column ingest.ingest_revisions.locator is 'Where it lies: a path or a URL. Null: inline content, or inside of another document.';
comment on column ingest.ingest_revisions.version is 'What its source calls this state: an ETag or a version. Null: unknown.';
comment on column ingest.ingest_revisions.modified_at is 'When the source says that it was last modified. Null: unknown.';
comment on column ingest.ingest_revisions.read_seconds is 'Seconds to read its bytes. Null: not read.';
comment on column ingest.ingest_revisions.parse_seconds is 'Seconds to parse its text; of a failed one, until it failed. Null: not parsed.';
comment on column ingest.ingest_revisions.embed_seconds is
  'Seconds from its first text sent, or vector looked up, until its last vector was stored; other documents are embedded meanwhile. Null: not embedded.';
comment on column ingest.ingest_revisions.failed_at is 'When it failed. Null: it did not.';
comment on column ingest.ingest_revisions.warning is
  'Why only a part of it could be read (code, message, hint, step); that part is published. Null: no warning.';
comment on column ingest.ingest_revisions.leads is
  'For each chunk, where the passage that it continues starts and ends in text (a table''s header, a code block''s first line); 0 and 0: none. Null: no chunk continues anything.';
