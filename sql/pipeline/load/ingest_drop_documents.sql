create or replace function ingest.ingest_drop_documents(p_fence ingest.ingest_fence_v1, p_dropped ingest.ingest_dropped_v1[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Lock order: documents by (collection, uri), then the batch. What an own step drops is not in the collection: nor is what was live
-- of it before, unless that was read later.
declare
  v_owned uuid[];
begin
  perform ingest.ingest_wait_briefly(p_fence.requests);
  perform ingest.ingest_lock_documents(array(select d.revision from unnest(p_dropped) d));
  v_owned := ingest.ingest_check_owner(p_fence, 'load'::text);
  delete from ingest.ingest_documents d
  using unnest(p_dropped) n join ingest.ingest_revisions v on v.id = n.revision and v.state = 'discovered'
  join ingest.ingest_requests r on r.id = v.request_id and not ingest.ingest_is_plan(r)
  where r.id = any (v_owned) and d.collection = v.collection and d.uri = v.uri and d.live_seq < n.read_seq;
  update ingest.ingest_revisions v
  set state = 'skipped', reason = 'dropped', warning = n.reason, read_seq = n.read_seq, content_hash = n.hash, loaded_at = ingest.ingest_now()
  from unnest(p_dropped) n
  where v.id = n.revision and v.request_id = any (v_owned) and v.batch = p_fence.batch and v.state = 'discovered';
  perform ingest.ingest_count_batches(v_owned, p_fence.batch, false);
end
$$;

comment on function ingest.ingest_drop_documents(ingest.ingest_fence_v1, ingest.ingest_dropped_v1[]) is
  'discovered → skipped (dropped): an own step wants them left out; what was live of them is deleted.';
