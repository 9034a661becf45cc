create table ingest.ingest_chunk_store (
  revision_id bigint not null,
  ordinal int not null,
  space_id int not null,
  start_char int not null,
  end_char int not null,
  text_config regconfig not null,
  collection text not null,
  text text not null,
  hash bytea not null,
  metadata jsonb not null,
  embedding vectors.vector not null,
  lexemes tsvector generated always as (to_tsvector(text_config, text)) stored,
  constraint ingest_chunk_store_pkey primary key (revision_id, ordinal),
  constraint hash_is_sha_256 check (octet_length(hash) = 32),
  constraint end_is_after_start check (end_char > start_char)
);

create index ingest_chunk_store_hash_idx on ingest.ingest_chunk_store (hash, space_id);
create index ingest_chunk_store_lexemes_idx on ingest.ingest_chunk_store using gin (lexemes);

comment on table ingest.ingest_chunk_store is
  'Chunks of all revisions, written once by the embed step. Read ingest_chunks instead: it holds the live ones.';
comment on column ingest.ingest_chunk_store.hash is 'SHA-256 of what was embedded: prefix and template with the chunk in it.';
