create type ingest.ingest_chunk_v1 as (
  revision bigint,
  ordinal int,
  start_char int,
  end_char int,
  text text,
  hash bytea,
  metadata jsonb,
  embedding vectors.vector
);

comment on type ingest.ingest_chunk_v1 is 'A chunk to be stored; without a vector if the space has one for its hash.';
