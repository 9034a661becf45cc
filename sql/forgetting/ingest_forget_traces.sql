create or replace function ingest.ingest_forget_traces(p_order ingest.ingest_forget_orders, p_scope ingest.ingest_scope_v1, p_kept uuid[]) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_watches bigint; v_archives bigint; v_containers bigint; v_changes bigint; v_queries bigint;
  v_asked timestamptz := p_order.asked_at;
begin
  v_changes := ingest.ingest_forget_changes(p_scope);
  delete from ingest.ingest_watch_store w
  where w.collection = any (p_scope.collections) and ingest.ingest_was_there(p_scope, w.created_at)
    and (num_nonnulls(p_scope.uri, p_scope.under) = 0 or ingest.ingest_source_in_scope(p_scope, w.source));
  get diagnostics v_watches = row_count;
  if v_watches > 0 then
    perform pg_notify(ingest.ingest_channel('watches'::text), '');
  end if;
  delete from ingest.ingest_archives a using ingest.ingest_requests r
  where r.id = a.request_id and r.collection = any (p_scope.collections) and ingest.ingest_in_scope(p_scope, a.uri)
    and ingest.ingest_is_due(p_scope, r.collection, a.uri, r.id, r.created_at);
  get diagnostics v_archives = row_count;
  delete from ingest.ingest_containers k
  where k.request_id = any (p_kept) and ingest.ingest_source_in_scope(p_scope, coalesce(k.locator, k.path));
  get diagnostics v_containers = row_count;
  -- What was searched for can't be told by a document: of its spaces, all that was asked until then. Who waits for an answer has it first.
  delete from ingest.ingest_queries q
  where q.space_id in (select c.space_id from ingest.ingest_collections c where c.name = any (p_scope.collections))
    and q.wanted_until < ingest.ingest_now() and q.wanted_until <= v_asked + interval '10 seconds';
  get diagnostics v_queries = row_count;
  delete from ingest.ingest_rerank_questions q where q.collection = any (p_scope.collections) and q.wanted_until < ingest.ingest_now();
  return jsonb_build_object('watches', v_watches, 'archives', v_archives, 'containers', v_containers, 'changes', v_changes, 'queries', v_queries);
end
$$;

comment on function ingest.ingest_forget_traces(ingest.ingest_forget_orders, ingest.ingest_scope_v1, uuid[]) is
  'Deletes what is left beside documents and requests: watches of what is forgotten, states of archives, keys of rows, cached queries; returns how much.';
