comment on column ingest.ingest_usage.id is 'Its number.';
comment on column ingest.ingest_usage.at is 'When the texts were sent; of a daily sum, the start of the day (UTC).';
comment on column ingest.ingest_usage.tenant is 'The collection''s tenant at the time.';
comment on column ingest.ingest_usage.collection is 'The collection.';
comment on column ingest.ingest_usage.space_id is 'The embedding space of the vectors: ingest_spaces.id.';
comment on column ingest.ingest_usage.request_id is 'The request that sent them. Null: a daily sum.';
comment on column ingest.ingest_usage.texts is 'Texts sent to the embedder.';
comment on column ingest.ingest_usage.tokens is 'Tokens that the embedder counted.';
comment on column ingest.ingest_usage.cost is 'Cost at the price of the time. Null: no price is known.';
