-- What waits for a service is parked: the circuits stand in a table, and batches say since when they wait and until when.

-- In the order of locks, and before anything else is done: who waits has done nothing yet.
lock table ingest.ingest_batches, ingest.ingest_requests in access exclusive mode;

create table ingest.ingest_circuits (
  service text not null,
  tenant text not null,
  opened_at timestamptz,
  failures int not null default 0,
  error jsonb not null,
  probe_at timestamptz not null,
  probed_by text,
  probe_until timestamptz,
  constraint ingest_circuits_pkey primary key (service, tenant),
  constraint a_suspected_service_is_being_asked check (opened_at is not null or probed_by is not null),
  constraint a_probe_has_an_end check ((probed_by is null) = (probe_until is null)),
  constraint failures_are_not_negative check (failures >= 0)
);

alter table ingest.ingest_circuits enable row level security;

comment on table ingest.ingest_circuits is
  'Services that are away, or suspected to be, for each tenant; a service without a row is well. Read and written by functions only.';
comment on column ingest.ingest_circuits.service is 'What fails: embedder, model and endpoint, see ingest_service.';
comment on column ingest.ingest_circuits.tenant is 'Whose calls fail (ingest_collections.tenant).';
comment on column ingest.ingest_circuits.opened_at is 'Since when nobody but a prober calls it; null: a call failed, and it is being asked whether it lives.';
comment on column ingest.ingest_circuits.failures is 'How often it failed to answer a prober since then.';
comment on column ingest.ingest_circuits.error is 'How it failed last: code, message, hint, step, retryable.';
comment on column ingest.ingest_circuits.probe_at is 'When it is asked again.';
comment on column ingest.ingest_circuits.probed_by is 'The listener that asks it just now.';
comment on column ingest.ingest_circuits.probe_until is 'How long nobody else asks; less if that listener dies.';

alter table ingest.ingest_batches add column waiting_since timestamptz;

comment on column ingest.ingest_batches.waiting_since is 'The first failure of a service since the batch made progress.';
comment on column ingest.ingest_batches.resume_at is 'It is parked until the service is asked again then, or later; it holds no place. Null: it is not parked.';
comment on column ingest.ingest_requests.resume_at is
  'System: nothing of it runs; it is parked until a service is asked again then, or later, and counts in no limit of running requests.';

alter table ingest.ingest_requests
  add constraint only_a_running_request_is_parked check (resume_at is null or status = 'running') not valid;
