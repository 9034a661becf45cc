-- Another model or other chunks for a collection that is in use (decision 0045). Nothing here rewrites or scans a large table.

lock table ingest.ingest_batches, ingest.ingest_revisions, ingest.ingest_requests in access exclusive mode;

alter table ingest.ingest_batches add column generation int;

comment on column ingest.ingest_batches.generation is 'The generation that its documents are brought into now; null: that of its request.';

alter table ingest.ingest_revisions add column stands_for bigint;

comment on column ingest.ingest_revisions.stands_for is
  'Of a request that brings documents into a new generation: the live revision whose text is cut and embedded. Null: its own.';

alter table ingest.ingest_requests add column generation int;

comment on column ingest.ingest_requests.generation is 'System: the generation that it brings its collection''s documents into (ingest_reembed). Null: it reads documents.';

alter table ingest.ingest_generations
  add column request_id uuid,
  add column automatic boolean not null default true,
  add column keep interval,
  add column purged_to text,
  -- squawk-ignore ban-drop-constraint
  drop constraint state_is_known,
  -- squawk-ignore constraint-missing-not-valid
  add constraint state_is_known check (state in ('planned', 'building', 'live', 'former', 'purging', 'purged'));

comment on column ingest.ingest_generations.state is
  'planned: a plan counts what it would take; building: not complete yet; live: what readers see; former: can be gone back to; purging, purged: its chunks go, are gone.';
comment on column ingest.ingest_generations.request_id is 'The request that makes it: ingest_requests.id. Null: the collection''s first.';
comment on column ingest.ingest_generations.automatic is 'Whether it becomes live by itself when it is complete.';
comment on column ingest.ingest_generations.keep is 'How long the one that a switch to it makes a former one is kept; of a former one, how long it is. Null: INGEST_RETENTION_HOURS.';
comment on column ingest.ingest_generations.purged_to is 'System: up to which URI its chunks are gone.';

-- Nothing has written it so far.
alter table ingest.ingest_cuts
  add column leads int[],
  -- squawk-ignore ban-drop-column
  drop column settings_hash,
  -- squawk-ignore ban-drop-column
  drop column state,
  -- squawk-ignore ban-drop-column
  drop column error;

comment on table ingest.ingest_cuts is
  'In which generations a revision stands besides the one in its row, and where it is cut there. All of its chunks there are written.';
comment on column ingest.ingest_cuts.leads is 'As in ingest_revisions.';

-- Functions that others take the place of.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_chunk_settings(uuid);
