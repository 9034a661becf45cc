-- What waits for a source that is away is parked as well, also while its documents are looked for.
alter table ingest.ingest_batches add column waits_for text;

comment on column ingest.ingest_batches.waits_for is
  'The service that it waits for, or waited for last (ingest_circuits): the one that embeds, or a source. Null: it has not waited.';

alter table ingest.ingest_requests add column outage jsonb;

comment on column ingest.ingest_requests.outage is
  'System: the source that the look for its documents waits for, or waited for last: service, code, message, hint; since: the first failure without progress.';
