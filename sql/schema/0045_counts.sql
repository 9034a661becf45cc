-- What listeners counted, all together, so that it outlives them (decision 0041).

-- Its few rows are written every few seconds: there is room for the new version of each on its page.
create table ingest.ingest_counts (
  name text not null,
  label text not null default '',
  value float8 not null default 0,
  constraint ingest_counts_pkey primary key (name, label),
  constraint a_count_does_not_fall_below_zero check (value >= 0)
) with (fillfactor = 30);

alter table ingest.ingest_counts enable row level security;

comment on table ingest.ingest_counts is
  'What all listeners counted since the installation was made; each adds its part every few seconds (ingest_add_counts). Read ingest_metrics.';
comment on column ingest.ingest_counts.name is 'What was counted: its name in ingest_metrics is ingest_<name>_total.';
comment on column ingest.ingest_counts.label is 'The value of its label; empty: it has none.';
comment on column ingest.ingest_counts.value is 'How many, or how many seconds.';
