create or replace function ingest.ingest_publish(p_requests uuid[], p_batch int, p_owner uuid)
returns table (published int, superseded int)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- One short transaction that moves pointers: readers see a document's old chunks until it ends, and its new ones after.
-- Lock order: documents by (collection, uri), then batch, then request. Without a batch, the whole request is published.
declare
  v_owned uuid[] := p_requests;
  v_running uuid[];
  v_ids bigint[];
  v_request ingest.ingest_requests;
begin
  perform ingest.ingest_wait_briefly(p_requests);
  select r.* into v_request from ingest.ingest_requests r where r.id = p_requests[1];
  if v_request.generation is not null then
    return query select s.published, s.superseded from ingest.ingest_stand(v_request, p_batch, p_owner) s;
    return;
  end if;
  perform ingest.ingest_lock_generations(v_request.collection, false);
  v_ids := array(
    select v.id from ingest.ingest_revisions v
    where v.request_id = any (p_requests) and (p_batch is null or v.batch = p_batch) and v.state = 'embedded');
  perform ingest.ingest_make_documents(v_ids);
  if p_batch is not null then
    v_owned := ingest.ingest_check_owner((p_requests, p_batch, p_owner)::ingest.ingest_fence_v1, 'save'::text);
  else
    perform from ingest.ingest_batches b where b.request_id = any (p_requests) order by b.request_id, b.batch for no key update;
  end if;
  v_running := array(
    select r.id from ingest.ingest_requests r where r.id = any (v_owned) and r.status = 'running' order by r.id for share);
  if cardinality(v_running) = 0 then
    raise exception 'request % is no longer running', p_requests[1] using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  perform ingest.ingest_require_generations(v_request.collection, v_running, p_batch, v_ids);
  return query select m.published, m.superseded from ingest.ingest_move_pointers(v_running, p_batch, v_ids) m;
end
$$;

comment on function ingest.ingest_publish(uuid[], int, uuid) is
  'embedded → published, or skipped where a newer reading is live, or was dropped by an own step. IG021 if the batch has another owner or the request does not run, IG045 if a document does not stand in all generations yet.';
