comment on column ingest.ingest_collections.name is 'Its name, 1 to 48 bytes.';
comment on column ingest.ingest_collections.space_id is
  'The live embedding space: ingest_spaces.id. Null until its first request starts; then the listener''s defaults.';
comment on column ingest.ingest_collections.chunk_size is 'Most characters in a chunk.';
comment on column ingest.ingest_collections.chunk_overlap is 'Characters that a chunk repeats from the previous one.';
comment on column ingest.ingest_collections.embedding_template is
  'The text that is embedded: {title}, {heading_path} and {text} of a chunk, after passage_prefix.';
comment on column ingest.ingest_collections.passage_prefix is 'Put before the text of a chunk when it is embedded; empty: nothing.';
comment on column ingest.ingest_collections.query_prefix is 'Put before a query when it is embedded; empty: nothing.';
comment on column ingest.ingest_collections.text_config is 'Text search configuration, for all documents or (by_language) for those whose language has none.';
comment on column ingest.ingest_collections.max_running is 'Most requests of the collection that run at a time, over all listeners. Null: no limit.';
comment on column ingest.ingest_collections.limited is 'System: it has, or had, a limit of running requests.';
comment on column ingest.ingest_collections.created_at is 'When it was made.';
comment on column ingest.ingest_collections.updated_at is 'When its settings were changed last.';
comment on column ingest.ingest_collections.generation is 'The generation of its documents that readers see (ingest_generations).';
comment on column ingest.ingest_collections.tenant is 'The tenant that it belongs to. Collections of one tenant share embedded texts, caches and limits.';
comment on column ingest.ingest_collections.created_by is
  'Who made it: the submitter of its first request, or the caller of ingest_collection. Null: not recorded.';
comment on column ingest.ingest_collections.weight is 'Turns that it gets for each turn of another collection of the same submitter.';
comment on column ingest.ingest_collections.indexed is 'Whether it gets an ANN index when it is large.';
comment on column ingest.ingest_collections.index_from is 'Live chunks above which it gets an index.';
comment on column ingest.ingest_collections.index_m is 'Links per chunk in its HNSW index.';
comment on column ingest.ingest_collections.index_ef_construction is 'Candidates considered for each link when the index is built; null: as many as its size asks for.';
comment on column ingest.ingest_collections.index_ef_search is 'Candidates considered by a search in the index. More: better recall, slower.';
comment on column ingest.ingest_collections.by_language is 'Whether each document is indexed with the configuration of its language (text_config: auto).';
