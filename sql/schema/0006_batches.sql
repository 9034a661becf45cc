create table ingest.ingest_batches (
  request_id uuid not null,
  batch int not null,
  documents int not null,
  bytes bigint not null default 0,
  chunks int not null default 0,
  chunks_embedded int not null default 0,
  step text,
  owner uuid,
  executor_id text,
  crashes int not null default 0,
  last_error jsonb,
  next_attempt_at timestamptz,
  finished_at timestamptz,
  constraint ingest_batches_pkey primary key (request_id, batch),
  constraint a_batch_has_documents check (documents > 0)
);

comment on table ingest.ingest_batches is 'The documents that one workflow carries through the steps together.';
comment on column ingest.ingest_batches.owner is
  'Token of the execution that may write. Each execution takes a fresh one: a replaced execution changes nothing.';
comment on column ingest.ingest_batches.crashes is 'Listeners that died over this batch without progress.';
comment on column ingest.ingest_batches.next_attempt_at is 'When the step is tried again after last_error.';
