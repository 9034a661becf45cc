create or replace function ingest.ingest_forget_page(p_order bigint, p_limit int, p_is_asked boolean) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Lock order: documents by (collection, uri), then batches, then requests. Each statement sees what was written until it began.
declare
  v_order ingest.ingest_forget_orders;
  v_scope ingest.ingest_scope_v1;
  v_documents bigint[]; v_found bigint[]; v_revisions bigint[]; v_requests uuid[]; v_gone uuid[]; v_kept uuid[];
begin
  select o.* into v_order from ingest.ingest_forget_orders o where o.id = p_order and o.done_at is null for no key update;
  if not found then
    return false;
  end if;
  v_scope := ingest.ingest_scope_of_order(v_order);
  if p_is_asked then
    v_scope.asked_at := null;
  end if;
  v_documents := array(select s.id from ingest.ingest_documents_in_scope(v_scope) s limit p_limit);
  perform from ingest.ingest_documents d where d.id = any (v_documents) order by d.collection, d.uri for update;
  -- Something newer may have been published while we waited.
  v_documents := array(select s.id from ingest.ingest_documents_in_scope(v_scope) s where s.id = any (v_documents));
  perform ingest.ingest_hold_running(v_scope.collections);
  v_found := array(
    select v.id from ingest.ingest_revisions v
    where v.collection = any (v_scope.collections) and ingest.ingest_in_scope(v_scope, v.uri)
      and ingest.ingest_is_due(v_scope, v.collection, v.uri, v.request_id, v.created_at)
    limit p_limit);
  v_revisions := array(select v.id from ingest.ingest_revisions v where v.document_id = any (v_documents) union select unnest(v_found));
  v_requests := array(select distinct v.request_id from ingest.ingest_revisions v where v.id = any (v_revisions));
  v_gone := array(select r.id from ingest.ingest_requests_in_scope(v_scope, v_requests) r limit p_limit);
  v_kept := array(
    select r.id from ingest.ingest_requests r where r.id = any (v_requests) and r.id <> all (v_gone)
    -- A whole collection's goes on with a later page.
      and num_nonnulls(v_scope.uri, v_scope.under) > 0);
  v_revisions := array(select unnest(v_revisions) union select w.id from ingest.ingest_revisions_of_requests(v_gone, v_documents) w);
  if v_order.keeps_out and num_nonnulls(v_scope.uri, v_scope.under) > 0 then
    perform ingest.ingest_keep_out(v_scope, v_documents, v_revisions, v_gone);
  end if;
  v_order.removed := ingest.ingest_add_up(v_order.removed, ingest.ingest_forget_work(v_order.id, v_gone, v_kept, v_revisions));
  v_order.removed := ingest.ingest_add_up(v_order.removed, ingest.ingest_forget_traces(v_order, v_scope, v_kept));
  v_order.removed := ingest.ingest_add_up(v_order.removed, ingest.ingest_forget_rows(v_scope, v_documents, v_revisions, v_gone));
  perform ingest.ingest_count_batches(
    array(select r.id from ingest.ingest_requests r where r.id = any (v_kept) and r.status = 'running'), null::int, false);
  update ingest.ingest_forget_orders o set removed = v_order.removed where o.id = v_order.id;
  return greatest(cardinality(v_documents), cardinality(v_found), cardinality(v_gone)) >= p_limit;
end
$$;

comment on function ingest.ingest_forget_page(bigint, int, boolean) is
  'Forgets a page of what an order names, of what was there when it was given, or all (p_is_asked: just now); returns whether there may be more. The same again does no harm.';
