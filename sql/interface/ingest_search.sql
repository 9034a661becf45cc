create or replace function ingest.ingest_search(
  query text, collection text default 'default', k int default 10, filter jsonb default '{}', by text default null,
  under text default null, per_document int default null
) returns setof ingest.ingest_hit_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from ingest.ingest_search_as_caller(query, null::vectors.vector, collection, k, filter, by, null::text[], under, per_document);
end
$$;

comment on function ingest.ingest_search(text, text, int, jsonb, text, text, int) is
  'Search over live chunks, best first: by words, and by vector too once ingest_embed_query has the query''s vector. '
  'filter: what their metadata must contain; by: ''words'' or ''vector'' alone; under: '
  'only documents whose URIs begin so; per_document: at most so many chunks of each. In the rows, by says what found them. IG014 no such collection, IG035, IG040 not granted.';
