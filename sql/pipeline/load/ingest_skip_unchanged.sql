create or replace function ingest.ingest_skip_unchanged(p_fence ingest.ingest_fence_v1, p_unchanged ingest.ingest_unchanged_v2[]) returns bigint[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Lock order: documents by (collection, uri), then the batch. A document that changed since it was compared is not
-- skipped: its id is not returned, and the load step continues with it.
declare
  v_owned uuid[];
  v_skipped bigint[];
begin
  perform ingest.ingest_wait_briefly(p_fence.requests);
  perform ingest.ingest_lock_documents(array(select u.revision from unnest(p_unchanged) u));
  v_owned := ingest.ingest_check_owner(p_fence, 'load'::text);
  with same as (
    select v.id, d.id as document_id, u.read_seq, u.hash, u.version, u.modified_at, case when not ingest.ingest_is_plan(r) then ingest.ingest_origin(r) end as origin, r.id as request_id,
           ingest.ingest_is_plan(r) as is_plan,
           ingest.ingest_document_principals(r.options, d.metadata || r.metadata) as principals
    from unnest(p_unchanged) u
    join ingest.ingest_revisions v
      on v.id = u.revision and v.state = 'discovered' and v.request_id = any (v_owned) and v.batch = p_fence.batch
    join ingest.ingest_live_hashes(p_fence.requests, p_fence.batch) live on live.id = v.id and live.hash = u.hash
    join ingest.ingest_documents d on d.collection = v.collection and d.uri = v.uri
    join ingest.ingest_requests r on r.id = v.request_id
  ), newer as (
    update ingest.ingest_documents d
    set live_seq = same.read_seq, principals = coalesce(same.principals, d.principals), version = same.version, modified_at = same.modified_at
    from same where d.id = same.document_id and d.live_seq < same.read_seq and not same.is_plan
  ), came as (
    insert into ingest.ingest_document_origins (document_id, origin, seen_by)
    select same.document_id, same.origin, same.request_id from same where same.origin is not null on conflict do nothing
  ), skipped as (
    update ingest.ingest_revisions v set state = 'skipped', reason = 'unchanged', read_seq = same.read_seq, content_hash = same.hash,
        loaded_at = ingest.ingest_now()
    from same where v.id = same.id returning v.id
  )
  select coalesce(array_agg(id), '{}') into v_skipped from skipped;
  perform ingest.ingest_count_batches(v_owned, p_fence.batch, false);
  return v_skipped;
end
$$;

comment on function ingest.ingest_skip_unchanged(ingest.ingest_fence_v1, ingest.ingest_unchanged_v2[]) is
  'discovered → skipped, where the same bytes are live under the same settings; returns the revisions that it skipped.';
