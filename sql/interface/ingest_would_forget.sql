create or replace function ingest.ingest_would_forget(
  uri text default null, under text default null, collection text default null, tenant text default null
) returns table (what text, there bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_scope ingest.ingest_scope_v1 := ingest.ingest_scope_of(
    ingest_would_forget.uri, ingest_would_forget.under, ingest_would_forget.collection, ingest_would_forget.tenant);
  v_documents bigint[]; v_revisions bigint[]; v_gone uuid[];
begin
  perform ingest.ingest_check_known(v_scope);
  v_documents := array(select s.id from ingest.ingest_documents_in_scope(v_scope) s);
  v_revisions := array(
    select v.id from ingest.ingest_revisions v where v.collection = any (v_scope.collections) and ingest.ingest_in_scope(v_scope, v.uri));
  v_gone := array(select r.id from ingest.ingest_requests_in_scope(v_scope, array(
    select distinct v.request_id from ingest.ingest_revisions v where v.id = any (v_revisions))) r);
  v_revisions := array(
    select unnest(v_revisions) union
    select v.id from ingest.ingest_revisions v
    where v.request_id = any (v_gone) and not exists (select from ingest.ingest_documents d where d.revision_id = v.id and d.id <> all (v_documents)));
  return query
    select c.what, c.there
    from (values ('documents', cardinality(v_documents)::bigint, 1), ('revisions', cardinality(v_revisions)::bigint, 2),
                 ('chunks', (select count(*) from ingest.ingest_chunk_store c where c.revision_id = any (v_revisions)), 3),
                 ('scores', (select count(*) from ingest.ingest_rerank_scores s where s.revision_id = any (v_revisions)), 4),
                 ('requests', cardinality(v_gone)::bigint, 5),
                 ('watches', (select count(*) from ingest.ingest_watch_store w
                              where w.collection = any (v_scope.collections)
                                and (num_nonnulls(v_scope.uri, v_scope.under) = 0 or ingest.ingest_source_in_scope(v_scope, w.source))), 6)) as c (what, there, place)
    order by c.place;
end
$$;

comment on function ingest.ingest_would_forget(text, text, text, text) is
  'What ingest_forget would remove, by kind, and removes nothing. IG014 unknown, IG035 not clear what, IG040 not granted.';
