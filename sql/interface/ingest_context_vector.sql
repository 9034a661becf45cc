create or replace function ingest.ingest_context(
  query_embedding vectors.vector, collection text default 'default', k int default 8, budget int default null, tokens int default null,
  share float8 default 0.5, neighbours int default 1, sections int default 1, filter jsonb default '{}',
  under text default null, per_document int default null, collections text[] default null, since timestamptz default null,
  min_similarity float8 default null
) returns setof ingest.ingest_passage_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from ingest.ingest_context_as_caller(row(
      null, query_embedding, collections, collection, coalesce(k, 8), filter, 'vector', null, under,
      per_document, since, min_similarity, null, null, null)::ingest.ingest_wanted_v1,
    budget, tokens, share, neighbours, sections);
end
$$;

comment on function ingest.ingest_context(
  vectors.vector, text, int, int, int, float8, int, int, jsonb, text, int, text[], timestamptz, float8) is
  'ingest_context by a vector: text for a prompt, by cosine distance.';
