-- Re-ranking: what a re-ranker is asked, and the scores that it gave.
create table ingest.ingest_rerank_questions (
  id bigint generated always as identity,
  asked_by name not null,
  collection text not null,
  principals text[],
  reranker text not null,
  hash bytea not null,
  query text not null,
  revisions bigint[] not null,
  ordinals int[] not null,
  error jsonb,
  wanted_until timestamptz not null,
  claimed_by text,
  claimed_until timestamptz,
  constraint ingest_rerank_questions_pkey primary key (id),
  constraint a_chunk_is_a_revision_and_an_ordinal check (cardinality(revisions) = cardinality(ordinals))
);

create index ingest_rerank_questions_wanted_idx on ingest.ingest_rerank_questions (wanted_until);
create index ingest_rerank_questions_asker_idx on ingest.ingest_rerank_questions (asked_by, wanted_until);

alter table ingest.ingest_rerank_questions enable row level security;

comment on table ingest.ingest_rerank_questions is
  'Queries whose chunks wait for a re-ranker''s scores: ids, no texts. Asked and read by functions only: call ingest_rerank(''…'').';
comment on column ingest.ingest_rerank_questions.asked_by is 'Whose it is: only for that role it can be looked at, and its open ones are counted.';
comment on column ingest.ingest_rerank_questions.principals is 'For whom it is asked: a listener reads the texts of documents that these may find; null: of all.';
comment on column ingest.ingest_rerank_questions.reranker is 'The re-ranker that is asked, as its listener calls it.';
comment on column ingest.ingest_rerank_questions.hash is 'As in ingest_rerankings, where the answer will be; then this row is deleted.';
comment on column ingest.ingest_rerank_questions.error is 'Why there are no scores: code, message, hint.';
comment on column ingest.ingest_rerank_questions.wanted_until is 'Until when somebody waits for it; it is deleted soon afterwards.';
comment on column ingest.ingest_rerank_questions.claimed_by is 'The listener that has it scored; while it lives, no other does until claimed_until.';

create table ingest.ingest_rerankings (
  hash bytea not null,
  reranker text not null,
  scored_at timestamptz not null,
  constraint ingest_rerankings_pkey primary key (hash)
);

create index ingest_rerankings_scored_idx on ingest.ingest_rerankings (scored_at);

alter table ingest.ingest_rerankings enable row level security;

comment on table ingest.ingest_rerankings is 'Queries that a re-ranker has scored chunks for, a cache of bounded size. Read by ingest_rerank_scores.';
comment on column ingest.ingest_rerankings.hash is 'SHA-256 of the query; of a tenant''s, with the tenant before it.';
comment on column ingest.ingest_rerankings.reranker is 'Whose scores these are: those of two can''t be compared, so there are one''s only.';

create table ingest.ingest_rerank_scores (
  hash bytea not null,
  revision_id bigint not null,
  ordinal int not null,
  score float8 not null,
  constraint ingest_rerank_scores_pkey primary key (hash, revision_id, ordinal),
  constraint reranking_exists foreign key (hash) references ingest.ingest_rerankings (hash) on delete cascade
);

create index ingest_rerank_scores_revision_idx on ingest.ingest_rerank_scores (revision_id);

alter table ingest.ingest_rerank_scores enable row level security;

comment on table ingest.ingest_rerank_scores is 'How well chunks answer queries, as a re-ranker says. They go when their revision is purged, or their query is evicted.';

alter table ingest.ingest_listeners add column reranker text;

comment on column ingest.ingest_listeners.reranker is 'What it has chunks scored by (INGEST_RERANKER); null: it has none.';
