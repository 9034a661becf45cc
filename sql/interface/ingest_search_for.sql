create or replace function ingest.ingest_search_for(
  principals text[], query text, collection text default 'default', k int default 10, filter jsonb default '{}', by text default null,
  under text default null, per_document int default null
) returns setof ingest.ingest_hit_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from ingest.ingest_search_as_caller(query, null::vectors.vector, collection, k, filter, by, coalesce(principals, '{}'),
    under, per_document);
end
$$;

comment on function ingest.ingest_search_for(text[], text, text, int, jsonb, text, text, int) is
  'ingest_search by a gateway for somebody else: documents that have principals are found only if one of those given is among them. '
  'IG040 if the caller is no gateway of the collection.';
