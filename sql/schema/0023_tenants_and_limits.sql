-- Texts are shared within a tenant, a dedupe key is its submitter's, and what one submitter may take is counted.

-- Not concurrently: between two transactions the former release's functions would run on the new schema, and the first one
-- has locked the table in any case. Few rows are in these indexes; what takes a moment is a scan of the table for each.
-- squawk-ignore require-concurrent-index-creation
create unique index dedupe_key_is_unique_among_a_submitters_unfinished on ingest.ingest_requests (collection, submitted_by, dedupe_key)
  where status in ('pending', 'running') and dedupe_key is not null;
-- squawk-ignore require-concurrent-index-creation
create index ingest_requests_lanes_idx on ingest.ingest_requests
  (collection, (coalesce(submitted_by, created_by)), priority, created_at, id)
  where status = 'pending' and due and limited;
do $$
begin
  execute format('drop index %I.%I', '{schema}', 'dedupe_key_is_unique_among_unfinished');
end
$$;
-- squawk-ignore require-concurrent-index-deletion, prefer-robust-stmts
drop index ingest.ingest_requests_due_limited_idx;

comment on column ingest.ingest_requests.dedupe_key is 'Unique among the unfinished requests of its submitter in a collection.';
comment on column ingest.ingest_requests.limited is
  'System: its collection or its submitter has, or had, a limit of running requests.';

-- Of a tenant's query it is another one: ingest_query_key says which.
-- squawk-ignore ban-drop-constraint
alter table ingest.ingest_queries drop constraint hash_is_that_of_the_text;

comment on column ingest.ingest_queries.hash is
  'SHA-256 of the collection''s query_prefix and the text; of a tenant''s query, of the tenant, NUL and these.';

-- Not logged: after a crash they are counted again.
create unlogged table ingest.ingest_pending_counts (
  role name not null,
  counted_at timestamptz not null,
  took interval not null,
  pending int not null,
  bytes bigint not null
);

create index ingest_pending_counts_role_idx on ingest.ingest_pending_counts (role, counted_at);

comment on table ingest.ingest_pending_counts is
  'What waits of each submitter that has limits, as it was counted now and then. Rows are only added, so nobody waits for another; old ones are purged.';
comment on column ingest.ingest_pending_counts.role is 'Whose requests these are (ingest_requests.submitted_by).';
comment on column ingest.ingest_pending_counts.counted_at is 'When.';
comment on column ingest.ingest_pending_counts.took is 'How long it took: what takes long is done more seldom.';
comment on column ingest.ingest_pending_counts.pending is 'Requests that wait, without those of the transaction that counted.';
comment on column ingest.ingest_pending_counts.bytes is 'Their bytes: of inline content, and of large metadata and options.';
comment on column ingest.ingest_limits.max_pending_bytes is
  'Most bytes in requests that wait: of inline content, and of metadata and options beyond the first 1,000.';

create table ingest.ingest_submitters (
  role name not null,
  bulk_by xid8,
  constraint ingest_submitters_pkey primary key (role)
);

comment on table ingest.ingest_submitters is
  'Whoever inserts much in one transaction locks its row here until that ends: transactions don''t see each other''s rows.';
comment on column ingest.ingest_submitters.role is 'Who inserts.';
comment on column ingest.ingest_submitters.bulk_by is 'The transaction that locked it last.';

create table ingest.ingest_new_collections (
  role name not null,
  collection text not null,
  named_at timestamptz not null default clock_timestamp()
);

create index ingest_new_collections_role_idx on ingest.ingest_new_collections (role, collection);

comment on table ingest.ingest_new_collections is
  'Collections that a submitter with limits asked for before they were there. Each transaction adds its own row: nobody waits.';
comment on column ingest.ingest_new_collections.role is 'Who asked for it.';
comment on column ingest.ingest_new_collections.collection is 'Its name.';
comment on column ingest.ingest_new_collections.named_at is 'When.';

alter table ingest.ingest_pending_counts enable row level security;
alter table ingest.ingest_submitters enable row level security;
alter table ingest.ingest_new_collections enable row level security;
