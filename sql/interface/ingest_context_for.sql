create or replace function ingest.ingest_context_for(
  principals text[], query text, collection text default 'default', k int default 8, budget int default null, tokens int default null,
  share float8 default 0.5, neighbours int default 1, sections int default 1, filter jsonb default '{}', by text default null,
  under text default null, per_document int default null
) returns setof ingest.ingest_passage_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from ingest.ingest_context_as_caller(query, null::vectors.vector, collection, k, filter, by, coalesce(principals, '{}'), under, per_document,
    budget, tokens, share, neighbours, sections);
end
$$;

comment on function ingest.ingest_context_for(text[], text, text, int, int, int, float8, int, int, jsonb, text, text, int) is
  'ingest_context by a gateway for somebody else: of documents that have principals only those with one of these. IG040 if the caller is no gateway.';
