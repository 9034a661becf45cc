create or replace function ingest.ingest_context_for(
  principals text[], query text, collection text default 'default', k int default 8, budget int default null, tokens int default null,
  share float8 default 0.5, neighbours int default 1, sections int default 1, filter jsonb default '{}', by text default null,
  under text default null, per_document int default null, collections text[] default null, since timestamptz default null,
  min_similarity float8 default null, words_weight float8 default 1, vector_weight float8 default 1, rerank boolean default false
) returns setof ingest.ingest_passage_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from ingest.ingest_context_as_caller(row(
      query, null, collections, collection, coalesce(k, 8), filter, by, coalesce(principals, '{}'), under,
      per_document, since, min_similarity, words_weight, vector_weight, rerank)::ingest.ingest_wanted_v1,
    budget, tokens, share, neighbours, sections);
end
$$;

comment on function ingest.ingest_context_for(
  text[], text, text, int, int, int, float8, int, int, jsonb, text, text, int, text[], timestamptz, float8, float8, float8, boolean) is
  'ingest_context by a gateway for others: documents that have principals are used only if one of those given is among them. IG040 if the caller is no gateway.';
