create or replace function ingest.ingest_forget_rows(p_scope ingest.ingest_scope_v1, p_documents bigint[], p_revisions bigint[], p_gone uuid[]) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_shared bigint; v_chunks bigint; v_scores bigint; v_results bigint; v_revisions bigint; v_documents bigint; v_requests bigint;
begin
  select count(distinct (c.hash, c.space_id)) into v_shared from ingest.ingest_chunk_store c
  where c.revision_id = any (p_revisions) and exists (
    select from ingest.ingest_chunk_store o join ingest.ingest_revisions v on v.id = o.revision_id
    where o.hash = c.hash and o.space_id = c.space_id and o.revision_id <> all (p_revisions)
      and not (v.collection = any ((p_scope).collections) and ingest.ingest_in_scope(p_scope, v.uri)));
  delete from ingest.ingest_rerank_scores s where s.revision_id = any (p_revisions);
  get diagnostics v_scores = row_count;
  delete from ingest.ingest_step_results s where s.revision_id = any (p_revisions);
  get diagnostics v_results = row_count;
  delete from ingest.ingest_chunk_store c where c.revision_id = any (p_revisions);
  get diagnostics v_chunks = row_count;
  delete from ingest.ingest_cuts c where c.revision_id = any (p_revisions);
  perform set_config('ingest.forgets', statement_timestamp()::text, true);  -- tied to the statement: see ingest_forget_documents
  delete from ingest.ingest_documents d where d.id = any (p_documents);
  get diagnostics v_documents = row_count;
  -- Those of the documents are gone with them, by a trigger.
  delete from ingest.ingest_revisions v where v.id = any (p_revisions);
  v_revisions := cardinality(p_revisions);
  -- One of everything says how old its documents are: it goes with the last of them.
  delete from ingest.ingest_requests r
  where r.id = any (p_gone) and (num_nonnulls(p_scope.uri, p_scope.under) > 0 or not exists (
    select from ingest.ingest_revisions v join ingest.ingest_documents d on d.revision_id = v.id where v.request_id = r.id));
  get diagnostics v_requests = row_count;
  return jsonb_build_object('documents', v_documents, 'revisions', v_revisions, 'chunks', v_chunks, 'scores', v_scores, 'results', v_results,
                            'requests', v_requests, 'shared', v_shared);
end
$$;

comment on function ingest.ingest_forget_rows(ingest.ingest_scope_v1, bigint[], bigint[], uuid[]) is
  'Deletes documents, revisions and requests with all that hangs on them; returns how much. shared: texts that others hold, too.';
