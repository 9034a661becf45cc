create table ingest.ingest_listeners (
  executor_id text not null,
  host text not null,
  pid int not null,
  version text not null,
  pipeline text not null,
  roots text[] not null default '{}',
  queue text not null default '',
  capacity int not null,
  running int not null default 0,
  lease interval not null,
  started_at timestamptz not null default now(),
  heartbeat_at timestamptz not null default now(),
  dead_at timestamptz,
  constraint ingest_listeners_pkey primary key (executor_id),
  constraint capacity_is_positive check (capacity > 0),
  constraint lease_is_positive check (lease > interval '0')
);

comment on table ingest.ingest_listeners is 'Running listeners. A row goes when its listener stops in good order, or some time after its death.';
comment on column ingest.ingest_listeners.pipeline is 'Version of the steps that it runs; DBOS''s application version.';
comment on column ingest.ingest_listeners.roots is 'Folders of its host that local sources may lie in.';
comment on column ingest.ingest_listeners.queue is 'Listeners with the same roots share queues; this is the suffix of their names.';
comment on column ingest.ingest_listeners.heartbeat_at is 'Last sign of life, by the database''s clock; believed for the time of lease.';
comment on column ingest.ingest_listeners.dead_at is 'When another listener declared it dead; it claims nothing from then on.';
