create or replace function ingest.ingest_search_by_right(
  p_query text, p_embedding vectors.vector, p_collection text, p_k int, p_filter jsonb, p_by text, p_principals text[], p_under text,
  p_per_document int
) returns setof ingest.ingest_hit_v1
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- As the owner, whom no policy slows down: tables with policies on them let no index serve @@, which is not leakproof.
begin
  perform ingest.ingest_refuse_own_policies();
  return query select * from ingest.ingest_find(
    p_query, p_embedding, p_collection, p_k, p_filter, p_by, ingest.ingest_search_principals(p_collection, p_principals),
    p_under, p_per_document);
end
$$;

comment on function ingest.ingest_search_by_right(text, vectors.vector, text, int, jsonb, text, text[], text, int) is
  'A search by a text or a vector for whoever may search the collection, in the documents that it may find. IG040 for others.';
