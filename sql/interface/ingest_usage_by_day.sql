create or replace view ingest.ingest_usage_by_day with (security_invoker = true) as
select (u.at at time zone 'UTC')::date as day, u.collection, u.tenant, s.embedder, s.model,
       sum(u.texts)::bigint as texts, sum(u.tokens)::bigint as tokens, sum(u.cost) as cost, u.step
from ingest.ingest_usage u left join ingest.ingest_spaces s on s.id = u.space_id
group by (u.at at time zone 'UTC')::date, u.collection, u.tenant, s.embedder, s.model, u.step;

comment on view ingest.ingest_usage_by_day is
  'Texts sent to embedders, and by own steps, and their tokens, by day (UTC), collection, model and step. Outlives requests, documents '
  'and collections. For operators, of their collections.';
comment on column ingest.ingest_usage_by_day.day is 'In UTC.';
comment on column ingest.ingest_usage_by_day.collection is 'The collection.';
comment on column ingest.ingest_usage_by_day.tenant is 'The collection''s tenant at the time.';
comment on column ingest.ingest_usage_by_day.embedder is 'The embedder.';
comment on column ingest.ingest_usage_by_day.model is 'The model.';
comment on column ingest.ingest_usage_by_day.texts is 'Texts sent to the embedder; known texts cost nothing and are not counted.';
comment on column ingest.ingest_usage_by_day.tokens is 'Tokens that the embedder counted.';
comment on column ingest.ingest_usage_by_day.cost is 'Cost at the prices of the time. Null: no price is known.';
comment on column ingest.ingest_usage_by_day.step is 'The own step that sent them; null: the embedder.';
