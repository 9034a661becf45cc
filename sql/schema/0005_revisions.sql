create table ingest.ingest_revisions (
  id bigint generated always as identity,
  request_id uuid not null,
  position int not null,
  batch int,
  collection text not null,
  uri text not null,
  document_id bigint,
  state text not null default 'discovered',
  reason text,
  error jsonb,
  path text,
  media_type text,
  bytes bigint,
  read_seq bigint,
  content_hash bytea,
  settings_hash bytea,
  title text,
  text text,
  metadata jsonb not null default '{}',
  starts int[],
  ends int[],
  headings jsonb,
  created_at timestamptz not null default now(),
  loaded_at timestamptz,
  published_at timestamptz,
  replaced_at timestamptz,
  constraint ingest_revisions_pkey primary key (id),
  constraint state_is_known check (
    state in ('discovered', 'loaded', 'chunked', 'embedded', 'published', 'skipped', 'failed')),
  constraint reason_goes_with_skipped check ((state = 'skipped') = (reason is not null)),
  constraint reason_is_known check (reason in ('unchanged', 'superseded', 'duplicate', 'deleted')),
  constraint error_goes_with_failed check ((state = 'failed') = (error is not null)),
  constraint text_goes_with_loaded check (state not in ('loaded', 'chunked', 'embedded') or text is not null),
  constraint boundaries_go_with_chunked check (state not in ('chunked', 'embedded') or starts is not null),
  constraint boundaries_come_in_pairs check (cardinality(starts) = cardinality(ends)),
  constraint published_has_a_document check (state <> 'published' or (document_id is not null and read_seq is not null))
);

create index ingest_revisions_request_idx on ingest.ingest_revisions (request_id, batch, position);
create index ingest_revisions_document_idx on ingest.ingest_revisions (document_id) where document_id is not null;
create index ingest_revisions_in_flight_idx on ingest.ingest_revisions (collection, uri)
  where state in ('loaded', 'chunked', 'embedded');
create index ingest_revisions_replaced_idx on ingest.ingest_revisions (replaced_at) where replaced_at is not null;

comment on table ingest.ingest_revisions is
  'One attempt by one request to bring one document to a new state; also the request''s manifest.';
comment on column ingest.ingest_revisions.state is 'The document''s checkpoint: a step advances the revisions in the state before it.';
comment on column ingest.ingest_revisions.reason is 'Why it was skipped: unchanged, superseded, duplicate or deleted.';
comment on column ingest.ingest_revisions.text is 'The normalized text; starts and ends are offsets into it, in characters.';
comment on column ingest.ingest_revisions.replaced_at is 'When another revision took its place; it is purged some time later.';
