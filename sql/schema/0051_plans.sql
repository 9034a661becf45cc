-- Plans: what a request would do and cost, without sending or publishing anything (decision 0044).

lock table ingest.ingest_revisions, ingest.ingest_requests in access exclusive mode;

alter table ingest.ingest_revisions
  -- squawk-ignore ban-drop-constraint
  drop constraint reason_is_known,
  add constraint reason_is_known check (reason in ('unchanged', 'superseded', 'duplicate', 'deleted', 'unsupported', 'planned')) not valid;

alter table ingest.ingest_requests add column plan jsonb;

comment on column ingest.ingest_requests.plan is 'What a plan (options.plan) found: see docs/plans-and-caps.md. Null until it has succeeded, and of other requests.';

create table ingest.ingest_planned_texts (
  request_id uuid not null,
  hash bytea not null,
  tokens int,
  is_estimate boolean not null,
  constraint ingest_planned_texts_pkey primary key (request_id, hash)
);

alter table ingest.ingest_planned_texts enable row level security;

comment on table ingest.ingest_planned_texts is
  'While a plan runs: the different texts that it has come across, by the digest that they would have; dropped when it ends.';
comment on column ingest.ingest_planned_texts.request_id is 'The plan.';
comment on column ingest.ingest_planned_texts.hash is 'The digest of what would be embedded, by its tenant and space.';
comment on column ingest.ingest_planned_texts.tokens is 'How many it would take; null: its space has embedded it already.';
comment on column ingest.ingest_planned_texts.is_estimate is 'Whether tokens were estimated by the length of the text, and not counted.';
