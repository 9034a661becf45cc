create or replace function ingest.ingest_search_as_caller(
  p_query text, p_embedding vectors.vector, p_collection text, p_k int, p_filter jsonb, p_by text, p_principals text[], p_under text,
  p_per_document int
) returns setof ingest.ingest_hit_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- With an administrator's own policies on the tables, these decide too: everything is read as the caller, at their price.
begin
  p_collection := coalesce(p_collection, 'default');
  if not ingest.ingest_has_own_policies() then
    return query select * from ingest.ingest_search_by_right(p_query, p_embedding, p_collection, p_k, p_filter, p_by, p_principals, p_under, p_per_document);
  else
    return query select * from ingest.ingest_find(
      p_query, p_embedding, p_collection, p_k, p_filter, p_by, ingest.ingest_search_principals(p_collection, p_principals),
      p_under, p_per_document);
  end if;
end
$$;

comment on function ingest.ingest_search_as_caller(text, vectors.vector, text, int, jsonb, text, text[], text, int) is
  'A search by a text or a vector, by the caller''s right; as the caller where an administrator has made policies of his own.';
