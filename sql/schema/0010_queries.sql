create table ingest.ingest_queries (
  space_id int not null,
  hash bytea not null,
  text text,
  embedding vectors.vector,
  error jsonb,
  used_at timestamptz not null default clock_timestamp(),
  wanted_until timestamptz not null default clock_timestamp(),
  claimed_until timestamptz,
  constraint ingest_queries_pkey primary key (space_id, hash),
  constraint space_exists foreign key (space_id) references ingest.ingest_spaces (id) on delete cascade,
  constraint hash_is_that_of_the_text check (hash = sha256(convert_to(text, 'UTF8'))),
  constraint a_query_is_open_embedded_or_refused check (num_nonnulls(text, embedding, error) = 1)
);

create index ingest_queries_open_idx on ingest.ingest_queries (wanted_until) where text is not null;

comment on table ingest.ingest_queries is
  'Texts of searches and their vectors, a cache of bounded size. Asked for with: call ingest_embed_query(''…'').';
comment on column ingest.ingest_queries.hash is 'SHA-256 of the collection''s query_prefix and the text.';
comment on column ingest.ingest_queries.text is 'What is to be embedded; kept only until it is.';
comment on column ingest.ingest_queries.error is 'Why it could not be embedded: code, message, hint. The next call tries again.';
comment on column ingest.ingest_queries.used_at is 'When it was last asked for, within a minute.';
comment on column ingest.ingest_queries.wanted_until is 'Until when somebody waits for it; an open one is removed then.';
comment on column ingest.ingest_queries.claimed_until is 'Until when no other listener embeds it.';
