create or replace function ingest.ingest_would_forget(
  uri text default null, under text default null, collection text default null, tenant text default null
) returns table (what text, there bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_scope ingest.ingest_scope_v1 := ingest.ingest_scope_of(
    ingest_would_forget.uri, ingest_would_forget.under, ingest_would_forget.collection, ingest_would_forget.tenant);
  v_is_all boolean := num_nonnulls(v_scope.uri, v_scope.under) = 0;
  v_gone uuid[] := '{}';
  v_along bigint[] := '{}';
begin
  perform ingest.ingest_check_known(v_scope);
  -- Of everything, all goes, and nothing goes along: it is only counted.
  if not v_is_all then
    v_gone := array(select r.id from ingest.ingest_requests_in_scope(v_scope, array(
      select distinct v.request_id from ingest.ingest_revisions v
      where v.collection = any (v_scope.collections) and ingest.ingest_in_scope(v_scope, v.uri))) r);
    v_along := array(select w.id from ingest.ingest_revisions_of_requests(v_gone, array(select s.id from ingest.ingest_documents_in_scope(v_scope) s)) w);
  end if;
  return query
    with going as materialized (
      select v.id from ingest.ingest_revisions v where v.collection = any (v_scope.collections) and ingest.ingest_in_scope(v_scope, v.uri)
      union select unnest(v_along))
    select c.what, c.there
    from (values ('documents', (select count(*) from ingest.ingest_documents_in_scope(v_scope)), 1),
                 ('revisions', (select count(*) from going), 2),
                 ('chunks', (select count(*) from ingest.ingest_chunk_store c where c.revision_id in (select g.id from going g)), 3),
                 ('scores', (select count(*) from ingest.ingest_rerank_scores s where s.revision_id in (select g.id from going g)), 4),
                 ('requests', case when v_is_all then (select count(*) from ingest.ingest_requests_in_scope(v_scope, v_gone))
                                   else cardinality(v_gone) end, 5),
                 ('watches', (select count(*) from ingest.ingest_watch_store w
                              where w.collection = any (v_scope.collections)
                                and (v_is_all or ingest.ingest_source_in_scope(v_scope, w.source))), 6)) as c (what, there, place)
    order by c.place;
end
$$;

comment on function ingest.ingest_would_forget(text, text, text, text) is
  'What ingest_forget would remove, by kind, and removes nothing. IG014 unknown, IG035 not clear what, IG040 not granted.';
