comment on column ingest.ingest_migrations.name is 'The SQL file.';
comment on column ingest.ingest_migrations.checksum is 'SHA-256 of the file as it was applied.';
comment on column ingest.ingest_migrations.program is 'The program''s version that applied it.';
comment on column ingest.ingest_migrations.applied_at is 'When it was applied last.';
