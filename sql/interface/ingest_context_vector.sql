create or replace function ingest.ingest_context(
  query_embedding vectors.vector, collection text default 'default', k int default 8, budget int default null, tokens int default null,
  share float8 default 0.5, neighbours int default 1, sections int default 1, filter jsonb default '{}',
  under text default null, per_document int default null
) returns setof ingest.ingest_passage_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from ingest.ingest_context_as_caller(null::text, query_embedding, collection, k, filter, null::text, null::text[], under, per_document,
    budget, tokens, share, neighbours, sections);
end
$$;

comment on function ingest.ingest_context(vectors.vector, text, int, int, int, float8, int, int, jsonb, text, int) is
  'ingest_context by a vector: what goes into a prompt for a question, by cosine distance.';
