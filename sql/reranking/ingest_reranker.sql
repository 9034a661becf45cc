create or replace function ingest.ingest_reranker() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select l.reranker from ingest.ingest_listeners l
  where l.reranker is not null and ingest.ingest_seems_alive(l)
  order by l.started_at desc, l.executor_id limit 1;
$$;

comment on function ingest.ingest_reranker() is 'The re-ranker that is asked: that of the listener that started last; null: none that lives has one.';
