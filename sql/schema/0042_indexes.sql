-- ANN indexes, made and kept by the owner's maintenance, one for each large collection (decision 0037).

create sequence ingest.ingest_ann_numbers as int;

comment on sequence ingest.ingest_ann_numbers is 'Numbers ANN indexes: ingest_ann_1, ingest_ann_2 …';

create table ingest.ingest_index_store (
  collection text not null,
  generation int not null,
  documents bigint not null default 0,
  chunks bigint not null default 0,
  wanted_since timestamptz,
  name text,
  built_at timestamptz,
  took interval,
  rows_built bigint,
  bytes_built bigint,
  building text,
  began_at timestamptz,
  failures int not null default 0,
  failed_at timestamptz,
  last_error text,
  constraint ingest_index_store_pkey primary key (collection, generation),
  constraint failed_at_goes_with_failures check ((failed_at is null) = (failures = 0))
);

alter table ingest.ingest_index_store enable row level security;

comment on table ingest.ingest_index_store is
  'What maintenance knows of each collection''s ANN index, by generation. No row refers to a collection: an index may outlive it. See ingest_indexes.';
comment on column ingest.ingest_index_store.documents is 'Live documents, when they were counted last (ingest_index_counts).';
comment on column ingest.ingest_index_store.chunks is 'Live chunks, when they were counted last.';
comment on column ingest.ingest_index_store.wanted_since is 'Since when it has enough chunks for an index, and none.';
comment on column ingest.ingest_index_store.name is 'The index that searches use, while it is valid.';
comment on column ingest.ingest_index_store.rows_built is 'Rows that were in it then, those of replaced revisions too; bytes_built: its size.';
comment on column ingest.ingest_index_store.building is 'The index that is being built, or was when its builder died.';
comment on column ingest.ingest_index_store.failures is 'How often building or dropping failed in a row; each waits twice as long as the one before.';

create table ingest.ingest_index_counts (
  only_row boolean not null default true,
  counted_at timestamptz not null default '-infinity',
  took interval not null default '0',
  changes bigint not null default -1,
  constraint ingest_index_counts_pkey primary key (only_row),
  constraint there_is_one_row check (only_row)
);

alter table ingest.ingest_index_counts enable row level security;

comment on table ingest.ingest_index_counts is 'When live chunks were counted last, and how long that took: it may take a hundredth of the time.';
comment on column ingest.ingest_index_counts.changes is 'The server''s count of changes to ingest_documents then: if it is the same, nothing is counted.';

insert into ingest.ingest_index_counts default values;

alter table ingest.ingest_collections
  add column indexed boolean not null default true,
  add column index_from int not null default 5000,
  add column index_m int not null default 16,
  add column index_ef_construction int not null default 64,
  add column index_ef_search int not null default 100;

comment on column ingest.ingest_collections.indexed is 'Whether it gets an ANN index when it is large.';
comment on column ingest.ingest_collections.index_from is 'With more live chunks than that.';
comment on column ingest.ingest_collections.index_m is 'Links of a chunk in its HNSW index.';
comment on column ingest.ingest_collections.index_ef_construction is 'Candidates for these links.';
comment on column ingest.ingest_collections.index_ef_search is 'Candidates of a search in its index.';

alter table ingest.ingest_listeners
  add column maintains boolean,
  add column maintenance_error text;

comment on column ingest.ingest_listeners.maintains is 'Whether it can make indexes: it has a connection of the owner''s. Null: it has not said yet.';
comment on column ingest.ingest_listeners.maintenance_error is 'Why it can not.';
