create table ingest.ingest_documents (
  id bigint generated always as identity,
  collection text not null,
  uri text not null,
  revision_id bigint,
  live_seq bigint not null default 0,
  title text,
  media_type text,
  bytes bigint,
  chunks int,
  metadata jsonb not null default '{}',
  content_hash bytea,
  settings_hash bytea,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint ingest_documents_pkey primary key (id),
  constraint a_uri_stands_once_in_a_collection unique (collection, uri)
);

create unique index a_revision_is_live_for_one_document on ingest.ingest_documents (revision_id);

comment on table ingest.ingest_documents is
  'Documents: what is live in each collection, by URI. DELETE takes revisions and chunks along.';
comment on column ingest.ingest_documents.revision_id is 'The live revision; null: nothing is live.';
comment on column ingest.ingest_documents.live_seq is 'Order number of the reading that is live; only a higher one replaces it.';
comment on column ingest.ingest_documents.content_hash is 'SHA-256 of the bytes that are live.';
comment on column ingest.ingest_documents.settings_hash is 'Digest of the settings that they were chunked and embedded with.';
