-- Where this installation works: a copy of it (a dump that was restored, a backup, a clone) is somewhere else, and must not do again
-- what the original does or did.
create table ingest.ingest_installation (
  one boolean not null default true,
  system_identifier bigint,
  database_oid oid not null,
  relation_oid oid not null,
  timeline int not null,
  confirmed_at timestamptz not null,
  confirmed_by name not null,
  constraint ingest_installation_pkey primary key (one),
  constraint there_is_one_installation check (one)
);

alter table ingest.ingest_installation enable row level security;

comment on table ingest.ingest_installation is
  'Where listeners work on this installation. No row: none has been here yet. If the database is somewhere else now, it is a copy: see ingest_restored().';
comment on column ingest.ingest_installation.one is 'There is one row.';
comment on column ingest.ingest_installation.system_identifier is 'Of the cluster, as initdb drew it; null if the owner may not see it.';
comment on column ingest.ingest_installation.database_oid is 'Of the database: another one in a copy, also within the cluster.';
comment on column ingest.ingest_installation.relation_oid is 'Of this table: another one after a dump was restored into the same database.';
comment on column ingest.ingest_installation.timeline is 'Of the write-ahead log: another one after a restore to a point in time, and after a failover.';
comment on column ingest.ingest_installation.confirmed_at is 'When work here was confirmed, at first by the first listener.';
comment on column ingest.ingest_installation.confirmed_by is 'Who has called ingest_confirm_restore, at first the listener''s role.';
