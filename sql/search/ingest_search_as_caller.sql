create or replace function ingest.ingest_search_as_caller(
  p_query text, p_embedding vectors.vector, p_collection text, p_k int, p_filter jsonb, p_by text, p_principals text[], p_under text,
  p_per_document int
) returns setof ingest.ingest_hit_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- With an administrator's own policies on the tables, these decide too: everything is read as the caller, at their price.
begin
  p_collection := coalesce(p_collection, 'default');
  if not exists (select from pg_policy p
                 where p.polrelid in ('ingest.ingest_documents'::regclass, 'ingest.ingest_chunk_store'::regclass)
                   and (p.polrelid, p.polname) not in (  -- ours: a test knows if one is missing
                     ('ingest.ingest_documents'::regclass, 'searchers_see_theirs'),
                     ('ingest.ingest_documents'::regclass, 'operators_see_all'),
                     ('ingest.ingest_documents'::regclass, 'operators_delete_all'),
                     ('ingest.ingest_chunk_store'::regclass, 'who_sees_the_document_sees_the_live_ones'))) then
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
