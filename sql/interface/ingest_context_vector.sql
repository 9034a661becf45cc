create or replace function ingest.ingest_context(
  query_embedding vectors.vector, collection text default 'default', k int default 8, budget int default null, tokens int default null,
  share float8 default 0.5, neighbours int default 1, sections int default 1, filter jsonb default '{}',
  under text default null, per_document int default null
) returns setof ingest.ingest_passage_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from ingest.ingest_passages_as_caller(
    array(select (h.uri, h.title, h.ordinal, h.text, h.score, h.metadata, h.revision_id, h.by, h.words_place, h.vector_place)::ingest.ingest_hit_v1
          from ingest.ingest_search(query_embedding, collection, coalesce(k, 8), filter, under, per_document) h),
    collection, null::text[], budget, tokens, share, neighbours, sections);
end
$$;

comment on function ingest.ingest_context(vectors.vector, text, int, int, int, float8, int, int, jsonb, text, int) is
  'ingest_context by a vector: what goes into a prompt for a question, by cosine distance.';
