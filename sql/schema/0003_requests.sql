create sequence ingest.ingest_read_seq;

comment on sequence ingest.ingest_read_seq is
  'Orders the readings of documents. A number is taken before bytes are read: a newer reading wins over an older one.';

create table ingest.ingest_requests (
  id uuid not null default gen_random_uuid(),
  source text,
  content text,
  content_bytes bytea,
  media_type text,
  uri text,
  collection text not null default 'default',
  options jsonb not null default '{}',
  metadata jsonb not null default '{}',
  priority int not null default 0,
  run_at timestamptz not null default now(),
  dedupe_key text,
  status text not null default 'pending',
  error jsonb,
  documents_total int,
  documents_done int,
  documents_skipped int,
  documents_failed int,
  chunks_total int,
  attempt int not null default 0,
  executor_id text,
  deadline_at timestamptz,
  settings jsonb,
  forked_from uuid,
  created_by text not null default current_user,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  discovered_at timestamptz,
  finished_at timestamptz,
  due boolean not null default true,
  limited boolean not null default false,
  local_path text,
  read_seq bigint,
  constraint ingest_requests_pkey primary key (id),
  constraint exactly_one_of_source_content_content_bytes check (num_nonnulls(source, content, content_bytes) = 1),
  constraint uri_and_media_type_go_with_content check (source is null or (uri is null and media_type is null)),
  constraint options_is_an_object check (jsonb_typeof(options) = 'object'),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  constraint status_is_known check (
    status in ('pending', 'running', 'succeeded', 'partially_succeeded', 'failed', 'cancelled')),
  constraint pending_has_not_started check (status <> 'pending' or (started_at is null and executor_id is null)),
  constraint running_has_started check (
    status <> 'running' or (started_at is not null and executor_id is not null and settings is not null)),
  constraint finished_at_goes_with_a_final_status check (
    (finished_at is not null) = (status not in ('pending', 'running'))),
  constraint failed_has_an_error check (status <> 'failed' or error is not null),
  constraint succeeded_has_no_error check (status <> 'succeeded' or error is null),
  constraint finished_at_is_not_before_started_at check (finished_at >= started_at)
);

create index ingest_requests_due_idx on ingest.ingest_requests (priority, created_at, id)
  where status = 'pending' and due and not limited;
create index ingest_requests_due_limited_idx on ingest.ingest_requests (collection, priority, created_at, id)
  where status = 'pending' and due and limited;
create index ingest_requests_scheduled_idx on ingest.ingest_requests (run_at) where status = 'pending' and not due;
create index ingest_requests_running_idx on ingest.ingest_requests (collection) where status = 'running';
create index ingest_requests_deadline_idx on ingest.ingest_requests (deadline_at)
  where status = 'running' and deadline_at is not null;
create index ingest_requests_created_at_idx on ingest.ingest_requests (created_at);
create unique index dedupe_key_is_unique_among_unfinished on ingest.ingest_requests (collection, dedupe_key)
  where status in ('pending', 'running') and dedupe_key is not null;

comment on table ingest.ingest_requests is
  'The interface: INSERT a row to have a source ingested; the row says what became of it. See also ingest_status.';
comment on column ingest.ingest_requests.id is 'Also the id of the DBOS workflow. An id that was ever used never runs again.';
comment on column ingest.ingest_requests.source is 'An absolute path of a file or folder, a glob, or a file:// URL.';
comment on column ingest.ingest_requests.content is 'The document itself, as text; instead of source.';
comment on column ingest.ingest_requests.content_bytes is 'The document itself, as bytes; instead of source.';
comment on column ingest.ingest_requests.media_type is 'Media type of content or content_bytes, charset allowed.';
comment on column ingest.ingest_requests.uri is 'Name of the document in content or content_bytes; without it, the request''s id.';
comment on column ingest.ingest_requests.options is 'See select * from ingest_options().';
comment on column ingest.ingest_requests.metadata is 'A JSON object that is kept with each chunk, for filters.';
comment on column ingest.ingest_requests.priority is 'Lower runs first; among equals, the older.';
comment on column ingest.ingest_requests.run_at is 'Not before this time.';
comment on column ingest.ingest_requests.dedupe_key is 'Unique among the unfinished requests of a collection.';
comment on column ingest.ingest_requests.error is 'Why it did not succeed: code, message, hint, step, retryable.';
comment on column ingest.ingest_requests.attempt is 'Times that it was started.';
comment on column ingest.ingest_requests.settings is 'The collection''s settings when it started.';
comment on column ingest.ingest_requests.due is 'System: run_at has passed.';
comment on column ingest.ingest_requests.limited is 'System: its collection has, or had, a limit of running requests.';
comment on column ingest.ingest_requests.local_path is 'System: the path in source; a listener with a root above it claims it.';
comment on column ingest.ingest_requests.read_seq is 'System: when inline content was handed over, in readings.';

create table ingest.ingest_used_ids (
  id uuid not null,
  constraint ingest_used_ids_pkey primary key (id)
);

comment on table ingest.ingest_used_ids is 'Ids of requests that were deleted: they never run again.';
