-- How far batches are: written by whoever changes states of their documents, so that a look at ingest_status counts nothing.
-- Null in rows that are there: ingest_progress_of makes do without, and the next step of a batch fills them in.
alter table ingest.ingest_requests
  add column documents_found int,
  add column duplicates int,
  add column refused int,
  add column percent numeric,
  add constraint percent_is_between_0_and_100 check (percent between 0 and 100) not valid;

comment on column ingest.ingest_requests.documents_found is
  'Documents that discovery found, so far or at its end; without those inside of others. Each weighs as much in percent.';
comment on column ingest.ingest_requests.duplicates is 'System: entries of the manifest whose URI stands twice in it.';
comment on column ingest.ingest_requests.refused is 'System: entries of the manifest that failed in discovery, and are in no batch.';
comment on column ingest.ingest_requests.percent is 'Of one that has ended: how far it had come. Null: its documents were not known yet.';

alter table ingest.ingest_batches
  add column done int,
  add column skipped int,
  add column failed int,
  add column remaining float8,
  add column remaining_embedded float8,
  add column begun_at timestamptz,
  add column begun_remaining float8,
  add column moved_at timestamptz;

comment on column ingest.ingest_batches.documents is 'Its documents, with those inside of others.';
comment on column ingest.ingest_batches.done is 'Of these, those that are published.';
comment on column ingest.ingest_batches.skipped is 'Of these, those that are skipped.';
comment on column ingest.ingest_batches.failed is 'Of these, those that failed.';
comment on column ingest.ingest_batches.remaining is
  'What is left to be done, in documents: one that discovery found counts as 1, or the share of its steps that are to come. Only '
  'falls within an attempt.';
comment on column ingest.ingest_batches.remaining_embedded is 'What remaining will be when all that is cut is embedded.';
comment on column ingest.ingest_batches.begun_at is 'When its owner began with it, or went on after a wait: its speed counts from here.';
comment on column ingest.ingest_batches.begun_remaining is 'What remaining was then.';
comment on column ingest.ingest_batches.moved_at is 'When remaining fell last.';
