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
comment on column ingest.ingest_chunks.uri is 'URI of its document.';
comment on column ingest.ingest_chunks.collection is 'Its collection.';
comment on column ingest.ingest_chunks.ordinal is 'Its place in the document, from 0.';
comment on column ingest.ingest_chunks.title is 'Title of its document. Null: none.';
comment on column ingest.ingest_chunks.text is 'Its text.';
comment on column ingest.ingest_chunks.start_char is 'Where it starts in the normalized text, in characters.';
comment on column ingest.ingest_chunks.end_char is 'Where it ends in the normalized text, in characters.';
comment on column ingest.ingest_chunks.metadata is 'A JSON object for filters: the request''s metadata, what the parser found, heading_path, page.';
comment on column ingest.ingest_chunks.embedding is 'Its vector.';
comment on column ingest.ingest_chunks.space_id is 'The embedding space of the vectors: ingest_spaces.id.';
comment on column ingest.ingest_chunks.document_id is 'Its document: ingest_documents.id.';
comment on column ingest.ingest_chunks.revision_id is 'Its revision: ingest_revisions.id.';
comment on column ingest.ingest_chunks.id is 'revision_id-ordinal; the chunks of a changed document have new ones.';
