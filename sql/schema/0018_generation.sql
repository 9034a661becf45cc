-- By itself, before the key that holds it is built: rows that are there are of generation 1, which costs no rewrite.
alter table ingest_chunk_store add column generation int not null default 1;

comment on column ingest_chunk_store.generation is 'The generation of its collection that it belongs to; see ingest_generations.';
