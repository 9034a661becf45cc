-- Who is next is a matter of turns: between submitters, then between a submitter's collections (ingest_pick).

alter table ingest.ingest_collections
  add column weight int not null default 1,
  add constraint weight_is_between_1_and_100 check (weight between 1 and 100) not valid;
alter table ingest.ingest_limits
  add column weight int not null default 1,
  add constraint weight_of_a_submitter_is_between_1_and_100 check (weight between 1 and 100) not valid;

comment on column ingest.ingest_collections.weight is 'How many turns it gets where another collection of the same submitter gets one.';
comment on column ingest.ingest_limits.weight is 'How many turns a submitter gets where another one gets one.';

-- Not concurrently: between two transactions the former release's functions would run on the new schema, and the first one
-- has locked the table in any case. Few rows are in these indexes; what takes a moment is a scan of the table.
-- squawk-ignore require-concurrent-index-creation
create index ingest_requests_turns_idx on ingest.ingest_requests (
  (source is not null or content is null or octet_length(content) > 65536), priority, (coalesce(submitted_by, created_by)), collection,
  created_at, id)
  where status = 'pending' and due;
-- squawk-ignore require-concurrent-index-deletion, prefer-robust-stmts
drop index ingest.ingest_requests_due_idx;
-- squawk-ignore require-concurrent-index-deletion, prefer-robust-stmts
drop index ingest.ingest_requests_lanes_idx;

-- It returned whether a limit holds for what runs, which is asked at the claim now.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_check_limits(ingest.ingest_requests);

comment on column ingest.ingest_requests.priority is 'Lower runs first; among equals, it is each submitter''s and collection''s turn, and in one of them the older goes first.';
comment on column ingest.ingest_requests.limited is 'System: its collection or its submitter has a limit of running requests; said of one that runs.';
comment on column ingest.ingest_collections.limited is 'System: it has, or had, a limit of running requests.';
