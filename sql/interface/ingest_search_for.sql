create or replace function ingest.ingest_search_for(
  principals text[], query text, collection text default 'default', k int default 10, filter jsonb default '{}', by text default null,
  under text default null, per_document int default null, collections text[] default null, since timestamptz default null,
  min_similarity float8 default null, words_weight float8 default 1, vector_weight float8 default 1, rerank boolean default false
) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from ingest.ingest_search_as_caller(row(
    query, null, collections, collection, k, filter, by, coalesce(principals, '{}'), under,
    per_document, since, min_similarity, words_weight, vector_weight, rerank)::ingest.ingest_wanted_v1);
end
$$;

comment on function ingest.ingest_search_for(
  text[], text, text, int, jsonb, text, text, int, text[], timestamptz, float8, float8, float8, boolean) is
  'ingest_search by a gateway for others: documents that have principals are found only if one of those given is among them. '
  'IG040 if the caller is no gateway of the collection.';
