-- What a watch asks for is a request like any other, with the rights of the watch's maker.
alter table ingest.ingest_requests add column watch text;

comment on column ingest.ingest_requests.watch is 'System: the watch that asked for it. See ingest_watches.';

alter table ingest.ingest_watch_store
  add column changed_at timestamptz,
  add column noticing jsonb;

alter table ingest.ingest_watch_store enable row level security;

comment on column ingest.ingest_watch_store.name is 'What it is called; one in an installation.';
comment on column ingest.ingest_watch_store.collection is 'What is kept in sync.';
comment on column ingest.ingest_watch_store.time_zone is 'Of cron, by its name.';
comment on column ingest.ingest_watch_store.created_at is 'When it was made, or changed last.';
comment on column ingest.ingest_watch_store.paused_at is 'Since when nothing is asked for.';
comment on column ingest.ingest_watch_store.started_at is 'When its last request was inserted.';
comment on column ingest.ingest_watch_store.succeeded_at is 'When a request of it succeeded last, at least in part.';
comment on column ingest.ingest_watch_store.failing_since is 'When it failed first since it last succeeded.';
comment on column ingest.ingest_watch_store.changed_at is 'When a change was noticed that no request has begun after.';
comment on column ingest.ingest_watch_store.noticing is 'How each listener notices changes, by its executor id.';
