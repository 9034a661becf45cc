-- Steps of users' own (decision 0046): where they are named, who has them, what they made of texts.

lock table ingest.ingest_revisions in access exclusive mode;

alter table ingest.ingest_revisions
  -- squawk-ignore ban-drop-constraint
  drop constraint reason_is_known,
  add constraint reason_is_known check (reason in ('unchanged', 'superseded', 'duplicate', 'deleted', 'unsupported', 'planned', 'dropped')) not valid;

alter table ingest.ingest_collections add column steps jsonb not null default '[]';

comment on column ingest.ingest_collections.steps is 'Own steps that its documents and chunks go through, in this order: [{"name": …, "options": {…}}].';

alter table ingest.ingest_listeners add column steps jsonb not null default '{}';

comment on column ingest.ingest_listeners.steps is
  'Own steps that it has: {name: {"version", "place" (document or chunk), "paid", "options" (name: JSON types)}}. One of a former release has none, and gets no request that needs one.';

alter table ingest.ingest_usage add column step text;

comment on column ingest.ingest_usage.step is 'The own step that sent them. Null: the embedder.';

create table ingest.ingest_step_results (
  revision_id bigint not null,
  key bytea not null,
  result jsonb not null,
  constraint ingest_step_results_pkey primary key (revision_id, key)
);

create index ingest_step_results_key_idx on ingest.ingest_step_results (key);

alter table ingest.ingest_step_results enable row level security;

comment on table ingest.ingest_step_results is
  'What paid own steps made of texts: the same text is not paid for again. Each lasts as long as the revision that it was made or used for, like chunks.';
comment on column ingest.ingest_step_results.revision_id is 'The revision whose text, or chunk, it was; of a part of a document, the whole''s.';
comment on column ingest.ingest_step_results.key is 'Digest of the tenant, the step with its version and options, and all that it was given.';
comment on column ingest.ingest_step_results.result is 'What the step returned.';

-- Functions that others take the place of.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_require_price(ingest.ingest_requests, numeric);
