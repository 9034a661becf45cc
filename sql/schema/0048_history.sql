-- How it went, for charts: what was open and what had been done, every 15 seconds in which something changed.

create table ingest.ingest_history (
  at timestamptz not null,
  since timestamptz not null,
  pending bigint not null,
  scheduled bigint not null,
  running bigint not null,
  documents float8 not null,
  failures float8 not null,
  chunks float8 not null,
  texts float8 not null,
  tokens float8 not null,
  constraint ingest_history_pkey primary key (at),
  constraint at_is_not_before_since check (at >= since)
);

alter table ingest.ingest_history enable row level security;

comment on table ingest.ingest_history is
  'How it went: a listener notes it every 15 s (ingest_note_history); after two days a row for each five minutes is left, after a month none. '
  'Read ingest_list_history.';
comment on column ingest.ingest_history.at is 'When it was so.';
comment on column ingest.ingest_history.since is
  'Since when notes were taken without a gap; where that is the time of the row before, what differs happened in between.';
comment on column ingest.ingest_history.pending is 'Requests that were due; beyond 10000 about how many.';
comment on column ingest.ingest_history.scheduled is 'Requests whose run_at had not come; beyond 10000 about how many.';
comment on column ingest.ingest_history.running is 'Requests that ran, parked ones too; 10000 at most.';
comment on column ingest.ingest_history.documents is 'Documents published since the installation was made.';
comment on column ingest.ingest_history.failures is 'Documents that failed since then.';
comment on column ingest.ingest_history.chunks is 'Chunks stored since then.';
comment on column ingest.ingest_history.texts is 'Texts sent to embedders since then.';
comment on column ingest.ingest_history.tokens is 'Tokens of these texts.';
