-- Not valid: the new columns are null in the rows that are there.
alter table ingest.ingest_requests
  add column begun int not null default 0,
  add column crashes int not null default 0,
  add column fork_step text,
  add constraint fork_step_goes_with_forked_from check (fork_step is null or forked_from is not null) not valid,
  add constraint fork_step_is_known check (fork_step in ('discover', 'load', 'chunk', 'embed', 'save')) not valid;

-- No request could be forked so far, so it is empty: a scan without a sort.
-- squawk-ignore require-concurrent-index-creation
create index ingest_requests_forked_from_idx on ingest.ingest_requests (forked_from) where forked_from is not null;

comment on column ingest.ingest_requests.begun is 'The attempt whose workflow has begun: less than attempt while it is on its way.';
comment on column ingest.ingest_requests.crashes is 'Listeners that died over its discovery.';
comment on column ingest.ingest_requests.forked_from is 'The request that this one is a fork of.';
comment on column ingest.ingest_requests.fork_step is 'The step that the fork goes on from, with what the original had made before it.';

alter table ingest.ingest_batches
  add column mark bigint,
  add column alone bigint;

comment on column ingest.ingest_batches.mark is 'How far it was when the present owner took it, to tell a crash with progress from one without.';
comment on column ingest.ingest_batches.alone is 'The revision that is tried alone, after too many crashes without progress.';

alter table ingest.ingest_revisions add column origin_id bigint;

comment on column ingest.ingest_revisions.origin_id is 'Of a fork: the revision whose text it took over.';
