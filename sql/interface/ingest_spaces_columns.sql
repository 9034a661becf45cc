comment on column ingest.ingest_spaces.id is 'Its number.';
comment on column ingest.ingest_spaces.embedder is 'The embedder, as in the settings: local, openai …';
comment on column ingest.ingest_spaces.endpoint is 'The base URL of the embedding service; empty: the embedder''s own, or none.';
comment on column ingest.ingest_spaces.model is 'The model, as the embedder calls it.';
comment on column ingest.ingest_spaces.dimensions is 'Dimensions of its vectors.';
comment on column ingest.ingest_spaces.created_at is 'When it was first used.';
