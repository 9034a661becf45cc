create or replace function ingest.ingest_drop_documents(p_fence ingest.ingest_fence_v1, p_dropped ingest.ingest_dropped_v2[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Lock order: documents by (collection, uri), then the batch; missing ones are made for that, so that who publishes an older reading
-- at this moment comes before or after. What a step drops is not in the collection: nor is what was live of it, unless that was read
-- later, nor what is under way of it (ingest_forget_documents, ingest_publish): so the row that goes has the number of this reading.
declare
  v_owned uuid[];
  v_ids bigint[];
  v_gone bigint[];
begin
  perform ingest.ingest_wait_briefly(p_fence.requests);
  with parts as (
    insert into ingest.ingest_revisions
      (request_id, batch, position, collection, generation, uri, parent_id, state, warning, read_seq, content_hash, loaded_at)
    select v.request_id, v.batch, v.position, v.collection, v.generation, n.part, v.id, 'discovered', n.reason, n.read_seq, n.hash, ingest.ingest_now()
    from unnest(p_dropped) n join ingest.ingest_revisions v on v.id = n.revision and v.request_id = any (p_fence.requests)
    where n.part is not null and not ingest.ingest_is_kept_out(v.collection, n.part)
      and not exists (select from ingest.ingest_revisions p where p.parent_id = v.id and p.uri = n.part)
    returning id)
  select array(select d.revision from unnest(p_dropped) d where d.part is null) || coalesce(array_agg(p.id), '{}') into v_ids from parts p;
  perform ingest.ingest_make_documents(v_ids);
  v_owned := ingest.ingest_check_owner(p_fence, 'load'::text);
  update ingest.ingest_revisions v
  set warning = n.reason, read_seq = n.read_seq, content_hash = n.hash, loaded_at = ingest.ingest_now()
  from unnest(p_dropped) n
  where v.id = n.revision and n.part is null and v.request_id = any (v_owned) and v.batch = p_fence.batch and v.state = 'discovered';
  with gone as (
    update ingest.ingest_documents d set live_seq = case when ingest.ingest_is_plan(r) then d.live_seq else v.read_seq end
    from ingest.ingest_revisions v join ingest.ingest_requests r on r.id = v.request_id
    where v.id = any (v_ids) and v.state = 'discovered' and r.id = any (v_owned) and d.collection = v.collection and d.uri = v.uri
      and (d.revision_id is null or d.live_seq < v.read_seq and not ingest.ingest_is_plan(r))
    returning d.id)
  select coalesce(array_agg(g.id), '{}') into v_gone from gone g;
  perform set_config('ingest.drops', statement_timestamp()::text, true);
  delete from ingest.ingest_documents d where d.id = any (v_gone);
  update ingest.ingest_revisions v set state = 'skipped', reason = 'dropped'
  where v.id = any (v_ids) and v.request_id = any (v_owned) and v.state = 'discovered';
  perform ingest.ingest_count_batches(v_owned, p_fence.batch, false);
end
$$;

comment on function ingest.ingest_drop_documents(ingest.ingest_fence_v1, ingest.ingest_dropped_v2[]) is
  'discovered → skipped (dropped): an own step wants them left out; what was live of them is deleted. Parts of documents become revisions.';
