create or replace view ingest.ingest_indexes with (security_invoker = true) as
select i.collection, i.generation, i.dimensions, i.chunks, i.state, i.percent, i.why, i.index_name, i.bytes, i.built_at, i.took, i.last_error
from ingest.ingest_list_indexes() i;

comment on view ingest.ingest_indexes is
  'A row for each collection and generation: its ANN index. state: valid, building (percent), waiting, needs_owner (no listener has the owner''s connection), '
  'own (yours is used), exact (none is built; why gives the reason).';
comment on column ingest.ingest_indexes.collection is 'The collection.';
comment on column ingest.ingest_indexes.generation is 'The generation of its chunks (ingest_generations).';
comment on column ingest.ingest_indexes.dimensions is 'Dimensions of its vectors. Null: it has no space yet.';
comment on column ingest.ingest_indexes.chunks is 'Live chunks, as counted last, about once a minute.';
comment on column ingest.ingest_indexes.state is 'valid, building, waiting, needs_owner, own (an index of yours is used) or exact (none is built).';
comment on column ingest.ingest_indexes.percent is 'How far the build is, 0 to 100. Null: not building, or unknown.';
comment on column ingest.ingest_indexes.why is 'Why it is in this state; of a build, its phase. Null: nothing to say.';
comment on column ingest.ingest_indexes.index_name is 'The index that searches use. Null: none.';
comment on column ingest.ingest_indexes.bytes is 'Size of the index, in bytes. Null: none.';
comment on column ingest.ingest_indexes.built_at is 'When it was built. Null: never.';
comment on column ingest.ingest_indexes.took is 'How long the build took. Null: never built.';
comment on column ingest.ingest_indexes.last_error is 'Why the last build or drop failed. Null: it did not.';
