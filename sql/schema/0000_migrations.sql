create table ingest.ingest_migrations (
  name text not null,
  checksum text not null,
  program text not null,
  applied_at timestamptz not null default now(),
  constraint ingest_migrations_pkey primary key (name)
);

comment on table ingest.ingest_migrations is 'SQL files that were applied to this schema, with the checksum they had then.';
