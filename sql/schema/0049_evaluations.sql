-- What was measured of searches (ingest eval), so that it can be seen whether they get better.

create table ingest.ingest_evaluations (
  id bigint generated always as identity,
  collection text not null,
  evaluated_at timestamptz not null,
  evaluated_by name not null,
  judged text not null,
  queries int not null,
  way text not null,
  words_weight float8,
  vector_weight float8,
  reranked boolean not null,
  k int not null,
  hit_at_1 float8 not null,
  hit_at_k float8 not null,
  mrr float8 not null,
  ndcg float8 not null,
  recall float8 not null,
  space_id int,
  chunk_size int not null,
  constraint ingest_evaluations_pkey primary key (id),
  constraint collection_exists foreign key (collection) references ingest.ingest_collections (name) on delete cascade on update cascade,
  constraint judged_is_a_name_of_200_bytes check (octet_length(judged) between 1 and 200 and judged !~ '[[:cntrl:]]'),
  constraint way_is_known check (way in ('words', 'vector', 'both')),
  constraint weights_come_in_pairs check ((words_weight is null) = (vector_weight is null)),
  constraint weights_are_not_negative check (least(words_weight, vector_weight) >= 0),
  constraint queries_and_k_are_positive check (queries > 0 and k > 0),
  constraint figures_are_0_to_1 check (
    hit_at_1 between 0 and 1 and hit_at_k between 0 and 1 and mrr between 0 and 1 and ndcg between 0 and 1 and recall between 0 and 1)
);

-- The table is empty.
-- squawk-ignore require-concurrent-index-creation
create index ingest_evaluations_collection_idx on ingest.ingest_evaluations (collection, id);

-- squawk-ignore require-concurrent-index-creation
create index ingest_evaluations_role_idx on ingest.ingest_evaluations (collection, evaluated_by, id);

alter table ingest.ingest_evaluations enable row level security;

comment on table ingest.ingest_evaluations is
  'What ingest eval measured of searches of a collection, each way a row, the newest 300 of a collection and role. Figures only: no query and no document is in here.';
comment on column ingest.ingest_evaluations.id is 'Its number.';
comment on column ingest.ingest_evaluations.collection is 'The collection that was searched.';
comment on column ingest.ingest_evaluations.evaluated_at is 'When.';
comment on column ingest.ingest_evaluations.evaluated_by is 'Who measured it.';
comment on column ingest.ingest_evaluations.judged is 'What the file of judged queries is called.';
comment on column ingest.ingest_evaluations.queries is 'How many queries there were.';
comment on column ingest.ingest_evaluations.way is 'words, vector or both.';
comment on column ingest.ingest_evaluations.words_weight is 'How much words counted, if that was said; vector_weight: the vector.';
comment on column ingest.ingest_evaluations.vector_weight is 'How much the vector counted, if that was said.';
comment on column ingest.ingest_evaluations.reranked is 'Whether hits were in a re-ranker''s order.';
comment on column ingest.ingest_evaluations.k is 'How many documents counted.';
comment on column ingest.ingest_evaluations.hit_at_1 is 'The share of queries with an expected document in the first place.';
comment on column ingest.ingest_evaluations.hit_at_k is 'The share of queries with an expected document among the first k.';
comment on column ingest.ingest_evaluations.mrr is 'The mean of 1 / place of the first expected document.';
comment on column ingest.ingest_evaluations.ndcg is 'Normalized discounted cumulative gain at k.';
comment on column ingest.ingest_evaluations.recall is 'The share of expected documents among the first k.';
comment on column ingest.ingest_evaluations.space_id is 'The collection''s space then.';
comment on column ingest.ingest_evaluations.chunk_size is 'The collection''s chunk_size then.';

-- It has a page now. No listener calls it.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_inventory(text);
