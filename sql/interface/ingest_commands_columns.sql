comment on column ingest.ingest_commands.id is 'Its number.';
comment on column ingest.ingest_commands.request_id is 'The request that the command is about.';
comment on column ingest.ingest_commands.verb is 'cancel, resume, retry or fork.';
comment on column ingest.ingest_commands.arguments is 'The arguments of the call, as a JSON object.';
comment on column ingest.ingest_commands.created_by is 'The role that called.';
comment on column ingest.ingest_commands.created_at is 'When it was called.';
comment on column ingest.ingest_commands.executor_id is 'The listener that carried out a cancel. Null: not yet, or the call itself did everything.';
comment on column ingest.ingest_commands.done_at is 'When it was carried out. Null: not yet.';
comment on column ingest.ingest_commands.outcome is 'What came of it, such as cancelled or pending. Null: not carried out yet.';
