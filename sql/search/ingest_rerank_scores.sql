create or replace function ingest.ingest_rerank_scores(p_query text, p_collection text, p_revisions bigint[], p_ordinals int[])
returns table (revision_id bigint, ordinal int, score float8)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select null::bigint, null::int, null::float8 where false and ingest.ingest_may('search'::text, p_collection);
$$;

comment on function ingest.ingest_rerank_scores(text, text, bigint[], int[]) is
  'What a re-ranker says of chunks of a collection for a query, as far as it is known.';
