-- Standing orders: a source, or a table, is kept in sync with a collection.

create table ingest.ingest_watch_store (
  name text not null,
  collection text not null,
  source text,
  options jsonb not null default '{}',
  metadata jsonb not null default '{}',
  every interval,
  cron text,
  time_zone text,
  on_change boolean not null default false,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  paused_at timestamptz,
  next_at timestamptz,
  request_id uuid,
  started_at timestamptz,
  succeeded_at timestamptz,
  failing_since timestamptz,
  failures int not null default 0,
  error jsonb,
  constraint ingest_watch_store_pkey primary key (name),
  constraint a_watch_is_called_something check (octet_length(name) between 1 and 200)
);

create index ingest_watch_store_next_idx on ingest.ingest_watch_store (next_at) where paused_at is null;
create index ingest_watch_store_request_idx on ingest.ingest_watch_store (request_id) where request_id is not null;

comment on table ingest.ingest_watch_store is 'Watches: each keeps a source, or a table of this database, in sync with a collection. See ingest_watches.';
comment on column ingest.ingest_watch_store.source is 'What is watched, as requests name it; null: a table.';
comment on column ingest.ingest_watch_store.options is 'The options of its requests.';
comment on column ingest.ingest_watch_store.metadata is 'The metadata of its requests.';
comment on column ingest.ingest_watch_store.every is 'The time between two looks.';
comment on column ingest.ingest_watch_store.cron is 'When to look, in time_zone.';
comment on column ingest.ingest_watch_store.on_change is 'Look when a file below a local source changes.';
comment on column ingest.ingest_watch_store.created_by is 'The role whose rights its requests have.';
comment on column ingest.ingest_watch_store.next_at is 'When it is due; null: not by time.';
comment on column ingest.ingest_watch_store.request_id is 'Its last request.';
comment on column ingest.ingest_watch_store.failures is 'How often it failed since it last succeeded.';
comment on column ingest.ingest_watch_store.error is 'Why it failed last.';
