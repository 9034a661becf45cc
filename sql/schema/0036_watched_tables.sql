-- Tables that are watched: what is read of them, keys of rows that were written, and keys that a request is to read.

create table ingest.ingest_watched_tables (
  watch text not null,
  number int generated always as identity,
  collection text not null,
  relation oid not null,
  named text not null,
  prefix text not null,
  key text[] not null,
  columns text[] not null,
  template text not null,
  title text,
  metadata text[] not null default '{}',
  media_type text not null default 'text/plain',
  parts oid[] not null default '{}',
  needs_back_fill boolean not null default false,
  back_fill_after xid8,
  back_fill_id uuid,
  missed bigint not null default 0,
  constraint ingest_watched_tables_pkey primary key (watch),
  constraint watch_exists foreign key (watch) references ingest.ingest_watch_store (name) on delete cascade,
  constraint number_is_of_one_watch unique (number),
  constraint a_table_is_watched_once_for_a_collection unique (collection, prefix),
  constraint key_has_columns check (cardinality(key) > 0)
);

comment on table ingest.ingest_watched_tables is 'What a watch of a table reads: a row is a document. DELETE of its watch takes its triggers along.';
comment on column ingest.ingest_watched_tables.number is 'Names its trigger function, ingest_changed_<number>, and two sequences.';
comment on column ingest.ingest_watched_tables.relation is 'The table, whatever it is called by now.';
comment on column ingest.ingest_watched_tables.named is 'What it was called when the watch was made.';
comment on column ingest.ingest_watched_tables.prefix is 'What its documents'' URIs begin with; the key follows, percent-encoded, its columns with commas between them.';
comment on column ingest.ingest_watched_tables.key is 'The columns that tell rows apart.';
comment on column ingest.ingest_watched_tables.columns is 'The columns that a document''s text is made of.';
comment on column ingest.ingest_watched_tables.template is 'How the text is made of them.';
comment on column ingest.ingest_watched_tables.title is 'The column that is the document''s title.';
comment on column ingest.ingest_watched_tables.metadata is 'The columns that are its metadata.';
comment on column ingest.ingest_watched_tables.media_type is 'What the text is: text/plain, text/markdown, text/html.';
comment on column ingest.ingest_watched_tables.parts is 'Partitions that it has been seen with.';
comment on column ingest.ingest_watched_tables.needs_back_fill is 'Something was missed, or nothing was read yet: all rows are to be read.';
comment on column ingest.ingest_watched_tables.back_fill_after is 'Not before all transactions older than this one have ended: one of them may be what was missed.';
comment on column ingest.ingest_watched_tables.back_fill_id is 'The request that reads all rows.';
comment on column ingest.ingest_watched_tables.missed is 'What the sequence ingest_missed_<number> stood at when needs_back_fill was set last.';

create table ingest.ingest_changes (
  watch int not null,
  keys text[] not null
) with (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Long ones are not worth the time that it takes to compress them.
alter table ingest.ingest_changes alter column keys set storage external;

comment on table ingest.ingest_changes is
  'Keys of rows that a statement wrote, until a listener makes a request of them. No key and no index: writers pay for each.';
comment on column ingest.ingest_changes.watch is 'The number of the watch.';
comment on column ingest.ingest_changes.keys is 'Keys as text; one of several columns is a JSON array.';

create table ingest.ingest_changed_keys (
  id bigint generated always as identity,
  watch int not null,
  key text[] not null,
  constraint ingest_changed_keys_pkey primary key (id)
);

create index ingest_changed_keys_watch_idx on ingest.ingest_changed_keys (watch, id);

comment on table ingest.ingest_changed_keys is 'Keys of rows that the present request of a watch reads, or the next one, if that one fails.';
comment on column ingest.ingest_changed_keys.watch is 'The number of the watch.';
comment on column ingest.ingest_changed_keys.key is 'A value for each column of the key, as text.';

alter table ingest.ingest_watched_tables enable row level security;
alter table ingest.ingest_changes enable row level security;
alter table ingest.ingest_changed_keys enable row level security;
