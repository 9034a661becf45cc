comment on column ingest.ingest_generations.collection is 'Its collection.';
comment on column ingest.ingest_generations.generation is 'Its number in the collection, from 1.';
comment on column ingest.ingest_generations.space_id is 'The embedding space of the vectors: ingest_spaces.id.';
comment on column ingest.ingest_generations.settings is 'Chunk settings and prefixes of its own; of the live one, the collection''s hold.';
comment on column ingest.ingest_generations.state is
  'planned: a plan counts it; building: not complete yet; stopped: its request ended without success, and nothing is brought into it until that is retried or resumed; live: what readers see; former: can be gone back to; purging, purged: its chunks go, or are gone.';
comment on column ingest.ingest_generations.request_id is 'The request that makes it: ingest_requests.id. Null: the collection''s first.';
comment on column ingest.ingest_generations.automatic is 'Whether it becomes live by itself when it is complete.';
comment on column ingest.ingest_generations.keep is 'How long the one that a switch to it makes a former one is kept; of a former one, how long it is. Null: INGEST_RETENTION_HOURS.';
comment on column ingest.ingest_generations.purged_to is 'System: up to which URI its chunks are gone.';
comment on column ingest.ingest_generations.created_at is 'When it was made.';
comment on column ingest.ingest_generations.switched_at is 'When it became live, or stopped being live. Null: it was never switched.';
