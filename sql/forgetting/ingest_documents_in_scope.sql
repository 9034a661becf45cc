create or replace function ingest.ingest_documents_in_scope(p_scope ingest.ingest_scope_v1) returns table (id bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select named.id from (
    select d.id from ingest.ingest_documents d
    where (p_scope).uri is null and d.collection = any ((p_scope).collections) and ingest.ingest_in_scope(p_scope, d.uri)
    union all
    select d.id from ingest.ingest_documents d where d.collection = any ((p_scope).collections) and d.uri = (p_scope).uri
    union all
    -- What lies inside of it, by the index of members.
    select d.id from ingest.ingest_documents d
    where d.collection = any ((p_scope).collections) and position('#' in d.uri) > 0
      and hashtextextended(split_part(d.uri, '#', 1), 0) = hashtextextended(split_part((p_scope).uri, '#', 1), 0)
      and d.uri <> (p_scope).uri and ingest.ingest_in_scope(p_scope, d.uri)
  ) named
  where (p_scope).asked_at is null or (
    select ingest.ingest_is_due(p_scope, d.collection, d.uri, v.request_id, coalesce(v.created_at, d.created_at))
    from ingest.ingest_documents d left join ingest.ingest_revisions v on v.id = d.revision_id where d.id = named.id);
$$;

comment on function ingest.ingest_documents_in_scope(ingest.ingest_scope_v1) is 'Documents that are to be forgotten, unless something newer is live; of one, by look-ups in indexes.';
