comment on column ingest.ingest_generations.collection is 'Its collection.';
comment on column ingest.ingest_generations.generation is 'Its number in the collection, from 1.';
comment on column ingest.ingest_generations.space_id is 'The embedding space of the vectors: ingest_spaces.id.';
comment on column ingest.ingest_generations.settings is 'Chunk settings of its own; empty: the collection''s.';
comment on column ingest.ingest_generations.state is 'building: not complete yet; live: what readers see; former: kept until purged.';
comment on column ingest.ingest_generations.created_at is 'When it was made.';
comment on column ingest.ingest_generations.switched_at is 'When it became live, or stopped being live. Null: it was never switched.';
