-- Tables and columns that later features need, so that a live database is migrated once (decision 0019). Nothing here
-- rewrites or scans a large table.

-- In the order of locks, and before anything else is done: who waits has done nothing yet.
lock table ingest.ingest_chunk_store, ingest.ingest_documents, ingest.ingest_batches, ingest.ingest_revisions, ingest.ingest_containers, ingest.ingest_requests,
  ingest.ingest_collections in access exclusive mode;

-- Files of objects are remembered by name, wherever they lie.
delete from ingest.ingest_migrations where name like 'functions/%' or name like 'views/%' or name like 'triggers/%';

-- Chunks: a key with the generation, and words that are written, not generated.
alter table ingest.ingest_chunk_store
  -- squawk-ignore ban-drop-constraint, constraint-missing-not-valid
  drop constraint ingest_chunk_store_pkey,
  add constraint ingest_chunk_store_pkey primary key using index ingest_chunk_store_key,
  -- squawk-ignore ban-drop-generated-expression
  alter column lexemes drop expression if exists;

comment on column ingest.ingest_chunk_store.lexemes is
  'The words that it is found by: of the title (weight A), of the headings (B), of the text (D). See ingest_lexemes.';

create table ingest.ingest_generations (
  collection text not null,
  generation int not null,
  space_id int not null,
  settings jsonb not null default '{}',
  state text not null default 'live',
  created_at timestamptz not null default now(),
  switched_at timestamptz,
  constraint ingest_generations_pkey primary key (collection, generation),
  constraint collection_exists foreign key (collection) references ingest.ingest_collections (name) on delete cascade,
  constraint space_exists foreign key (space_id) references ingest.ingest_spaces (id),
  constraint generation_is_positive check (generation > 0),
  constraint state_is_known check (state in ('building', 'live', 'former'))
);

create unique index one_generation_of_a_collection_is_live on ingest.ingest_generations (collection) where state = 'live';

comment on table ingest.ingest_generations is
  'Ways (space, chunking) in which a collection''s documents stand, numbered from 1. One is live: ingest_collections.generation.';
comment on column ingest.ingest_generations.settings is 'Chunk settings that it has of its own; empty: the collection''s.';
comment on column ingest.ingest_generations.state is 'building: not complete yet; live: what readers see; former: can be gone back to until it is purged.';
comment on column ingest.ingest_generations.switched_at is 'When it became live, or stopped to be.';

create table ingest.ingest_cuts (
  revision_id bigint not null,
  generation int not null,
  state text not null default 'chunked',
  starts int[] not null,
  ends int[] not null,
  headings jsonb,
  settings_hash bytea not null,
  error jsonb,
  constraint ingest_cuts_pkey primary key (revision_id, generation),
  constraint state_is_known check (state in ('chunked', 'embedded', 'failed')),
  constraint error_goes_with_failed check ((state = 'failed') = (error is not null)),
  constraint boundaries_come_in_pairs check (cardinality(starts) = cardinality(ends))
);

comment on table ingest.ingest_cuts is
  'How a revision is cut in generations other than the one that it was made in, whose boundaries stand in ingest_revisions.';

alter table ingest.ingest_collections
  add column generation int not null default 1,
  add column tenant text not null default '',
  add constraint generation_is_positive check (generation > 0) not valid,
  add constraint tenant_is_at_most_48_bytes check (octet_length(tenant) <= 48) not valid;

comment on column ingest.ingest_collections.generation is 'The live generation of its documents; see ingest_generations.';
comment on column ingest.ingest_collections.tenant is 'Collections of one tenant share texts that are embedded, caches and limits.';

insert into ingest.ingest_generations (collection, generation, space_id)
select c.name, 1, c.space_id from ingest.ingest_collections c where c.space_id is not null;

-- Requests: who asked, where it lies, what had not changed, until when it waits.
alter table ingest.ingest_requests
  add column submitted_by text,
  add column locator text,
  add column documents_unchanged int,
  add column resume_at timestamptz;
alter table ingest.ingest_requests alter column submitted_by set default coalesce(nullif(current_setting('role'), 'none'), session_user);

comment on column ingest.ingest_requests.submitted_by is 'The role that inserted it: the one that was set, else that of the session.';
comment on column ingest.ingest_requests.locator is
  'System: where its source lies, a path or a URL; a listener with a root above it claims it. Null: inline content.';
comment on column ingest.ingest_requests.local_path is 'System: as locator; for listeners of the former release.';
comment on column ingest.ingest_requests.documents_unchanged is 'Documents that had not changed, and have no row of their own.';
comment on column ingest.ingest_requests.resume_at is 'System: it is parked until then, and holds no place.';
comment on column ingest.ingest_requests.source is 'An absolute path of a file or folder, a glob, or a URL that a source of a listener reads.';

-- Documents and revisions: of which generation, where from, in which state there.
alter table ingest.ingest_documents add column principals text[];

comment on column ingest.ingest_documents.principals is 'Who may find it in a search; null: everybody who may search its collection.';

-- path stays for a release: calls of the former release's functions that wait meanwhile go on with what they were.
-- Not valid: the wider list of states has theirs in it.
alter table ingest.ingest_revisions
  add column generation int not null default 1,
  add column locator text,
  add column version text,
  add column modified_at timestamptz,
  -- squawk-ignore ban-drop-constraint
  drop constraint state_is_known,
  add constraint state_is_known check (
    state in ('discovered', 'loaded', 'refined', 'chunked', 'enriched', 'embedded', 'published', 'skipped', 'failed')) not valid,
  -- squawk-ignore ban-drop-constraint
  drop constraint text_goes_with_loaded,
  add constraint text_goes_with_loaded check (
    state not in ('loaded', 'refined', 'chunked', 'enriched', 'embedded') or text is not null) not valid,
  -- squawk-ignore ban-drop-constraint
  drop constraint boundaries_go_with_chunked,
  add constraint boundaries_go_with_chunked check (state not in ('chunked', 'enriched', 'embedded') or starts is not null) not valid;

comment on column ingest.ingest_revisions.state is
  'The document''s checkpoint: a step advances the revisions in the state before it. refined, enriched: after a step of the user''s own.';
comment on column ingest.ingest_revisions.generation is 'The generation of its collection that it was made in.';
comment on column ingest.ingest_revisions.locator is 'Where it lies: a path or a URL; null: inline content, or inside of another document.';
comment on column ingest.ingest_revisions.path is 'As locator, in rows that the former release made.';
comment on column ingest.ingest_revisions.version is 'What its source calls this state of it: an ETag, a version.';
comment on column ingest.ingest_revisions.modified_at is 'When its source says that it was changed last.';

alter table ingest.ingest_containers add column locator text;

comment on column ingest.ingest_containers.locator is 'Where the file lies; null: the records are the request''s own content.';
comment on column ingest.ingest_containers.path is 'As locator; for listeners of the former release.';

create table ingest.ingest_document_origins (
  document_id bigint not null,
  origin text not null,
  locator text,
  version text,
  modified_at timestamptz,
  bytes bigint,
  seen_at timestamptz not null default clock_timestamp(),
  seen_by uuid,
  constraint ingest_document_origins_pkey primary key (document_id, origin),
  constraint document_exists foreign key (document_id) references ingest.ingest_documents (id) on delete cascade
);

create index ingest_document_origins_origin_idx on ingest.ingest_document_origins (origin, seen_at);

comment on table ingest.ingest_document_origins is 'The sources through which a document came, and what was seen of it there last.';
comment on column ingest.ingest_document_origins.origin is 'The source that led to it, as requests name it.';
comment on column ingest.ingest_document_origins.seen_by is 'The request that saw it last.';

-- Batches: texts that were sent, and parking.
alter table ingest.ingest_batches
  add column texts bigint not null default 0,
  add column resume_at timestamptz;

comment on column ingest.ingest_batches.texts is 'Texts that were sent to the embedder for it.';
comment on column ingest.ingest_batches.resume_at is 'It is parked until then, and holds no place.';

create table ingest.ingest_usage (
  id bigint generated always as identity,
  at timestamptz not null default clock_timestamp(),
  tenant text not null,
  collection text not null,
  space_id int not null,
  request_id uuid,
  texts bigint not null,
  tokens bigint not null,
  cost numeric,
  constraint ingest_usage_pkey primary key (id)
);

create index ingest_usage_at_idx on ingest.ingest_usage (at);

comment on table ingest.ingest_usage is 'What was sent to embedders, for whom, and what it cost. Rows are only added, and outlive their requests.';
comment on column ingest.ingest_usage.cost is 'At the price that held then; null: none is known.';

create table ingest.ingest_backfills (
  name text not null,
  after_id bigint not null default 0,
  upto_id bigint not null,
  done_at timestamptz,
  constraint ingest_backfills_pkey primary key (name)
);

comment on table ingest.ingest_backfills is 'What listeners fill in, page by page, in rows of former releases.';
comment on column ingest.ingest_backfills.after_id is 'How far it is; upto_id: where it ends.';

insert into ingest.ingest_backfills (name, upto_id) select 'lexemes', coalesce(max(v.id), 0) from ingest.ingest_revisions v;
