create or replace view ingest.ingest_indexes with (security_invoker = true) as
select i.collection, i.generation, i.dimensions, i.chunks, i.state, i.percent, i.why, i.index_name, i.bytes, i.built_at, i.took, i.last_error
from ingest.ingest_list_indexes() i;

comment on view ingest.ingest_indexes is
  'A row for each collection and generation: its ANN index. state: valid, building (percent), waiting, needs_owner (nobody has the owner''s connection), '
  'own (yours is used), exact (none is made: why says so). Chunks as counted last; took: to build it.';
