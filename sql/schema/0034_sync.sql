-- What has not changed is not read, and what is there no more can go (decision 0032).

alter table ingest.ingest_documents
  add column version text,
  add column modified_at timestamptz;

comment on column ingest.ingest_documents.version is 'What its source calls the state that is live: an ETag, a version. Null: it does not tell, or not surely.';
comment on column ingest.ingest_documents.modified_at is 'When its source says that what is live was changed last.';

alter table ingest.ingest_requests
  add column listing jsonb,
  add column documents_deleted int;

comment on column ingest.ingest_requests.listing is
  'System: how far discovery is. cursor: where it goes on; read_seq: a number of reading taken before it began; complete: whether nothing was left out; '
  'page, position, batch, documents, bytes: what has been written.';
comment on column ingest.ingest_requests.documents_deleted is 'Documents that were deleted since they are there no more (option mirror).';

create table ingest.ingest_seen (
  request_id uuid not null,
  page int not null,
  documents bigint[] not null,
  constraint ingest_seen_pkey primary key (request_id, page)
);

alter table ingest.ingest_seen enable row level security;

comment on table ingest.ingest_seen is 'Documents that discovery saw, and that had not changed: ids, a row for each page of it.';

-- A document's state stands with the document.
alter table ingest.ingest_document_origins
  -- squawk-ignore ban-drop-column
  drop column locator,
  -- squawk-ignore ban-drop-column
  drop column version,
  -- squawk-ignore ban-drop-column
  drop column modified_at,
  -- squawk-ignore ban-drop-column
  drop column bytes;

comment on column ingest.ingest_document_origins.seen_at is 'When it came that way first.';
comment on column ingest.ingest_document_origins.seen_by is 'The request that it came by then.';
