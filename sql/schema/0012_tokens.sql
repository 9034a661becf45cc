alter table ingest.ingest_batches add column tokens bigint not null default 0;
alter table ingest.ingest_requests add column tokens bigint;

comment on column ingest.ingest_batches.tokens is 'Tokens that the embedding service counted for it.';
comment on column ingest.ingest_requests.tokens is 'Tokens that the embedding service counted for it; null until it ends.';
