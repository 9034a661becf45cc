create or replace function ingest.ingest_check_known(p_scope ingest.ingest_scope_v1) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if num_nonnulls(p_scope.uri, p_scope.under) > 0
     and not exists (select from ingest.ingest_documents_in_scope(p_scope))
     and not exists (select from ingest.ingest_revisions v where v.collection = any (p_scope.collections) and ingest.ingest_in_scope(p_scope, v.uri))
     and not exists (select from ingest.ingest_requests_in_scope(p_scope, '{}'::uuid[]))
     and not exists (select from ingest.ingest_forget_orders o where o.done_at is null and ingest.ingest_is_ordered(o, p_scope))
     and not exists (
       select from unnest(p_scope.collections) c (name)
       cross join lateral ingest.ingest_forgotten_key(c.name, coalesce(p_scope.uri, p_scope.under)) k (key)
       join ingest.ingest_forgotten f on f.key = k.key or k.key = any (f.within)) then
    raise exception 'nothing in % is known of "%"', array_to_string(p_scope.collections, ', '), left(coalesce(p_scope.uri, p_scope.under), 200)
      using errcode = 'IG014', constraint = 'unknown_document',
            hint = 'See select uri from ingest_documents; a file''s begins with file:///.';
  end if;
end
$$;

comment on function ingest.ingest_check_known(ingest.ingest_scope_v1) is 'Raises IG014 where nothing of what is to be forgotten is there, is being forgotten, or is kept out.';
