-- The join is on the revision alone, over a unique index: with two columns the planner passed the ANN index by.
create or replace view ingest.ingest_chunks with (security_invoker = true) as
select d.uri, d.collection, c.ordinal, d.title, c.text, c.start_char, c.end_char, c.metadata, c.embedding, c.space_id,
       d.id as document_id, c.revision_id, c.revision_id || '-' || c.ordinal as id
from ingest.ingest_chunk_store c
join ingest.ingest_documents d on d.revision_id = c.revision_id
join ingest.ingest_collections k on k.name = d.collection and k.generation = c.generation;

comment on view ingest.ingest_chunks is
  'Live chunks. A document''s chunks change all at once. For <=> use ingest_search, or ingest_chunks_<collection> with '
  'set hnsw.iterative_scan = strict_order.';
