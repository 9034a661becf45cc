comment on column ingest.ingest_documents.id is 'Stays the same as long as the document exists.';
comment on column ingest.ingest_documents.collection is 'Its collection.';
comment on column ingest.ingest_documents.uri is 'Its URI, unique in the collection.';
comment on column ingest.ingest_documents.revision_id is 'The live revision: ingest_revisions.id. Null: nothing is live.';
comment on column ingest.ingest_documents.live_seq is 'System: the number of the live reading; only a higher one replaces it.';
comment on column ingest.ingest_documents.title is 'Title of what is live. Null: it has none.';
comment on column ingest.ingest_documents.media_type is 'Media type of what is live.';
comment on column ingest.ingest_documents.bytes is 'Size of what is live, in bytes as read.';
comment on column ingest.ingest_documents.chunks is 'Number of live chunks.';
comment on column ingest.ingest_documents.metadata is
  'What the parser or the record says about it, such as its language. The request''s metadata is stored with the chunks.';
comment on column ingest.ingest_documents.content_hash is 'SHA-256 of the bytes that are live.';
comment on column ingest.ingest_documents.settings_hash is 'Digest of the settings with which it was chunked and embedded.';
comment on column ingest.ingest_documents.created_at is 'When the document was first seen.';
comment on column ingest.ingest_documents.updated_at is 'When what is live was published last.';
comment on column ingest.ingest_documents.principals is 'Who may find it in a search. Null: everybody who may search the collection.';
comment on column ingest.ingest_documents.version is 'What the source calls the live state: an ETag or a version. Null: unknown, or not reliable.';
comment on column ingest.ingest_documents.modified_at is 'When the source says that it was last modified. Null: unknown.';
