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
  v_dropped bigint[] := '{}';
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
  if exists (select from ingest.ingest_collections c where c.name = v_request.collection and c.steps <> '[]') then
    v_dropped := array(
      select v.id from ingest.ingest_revisions v where v.id = any (v_ids) and ingest.ingest_was_dropped(v.collection, v.uri, v.read_seq));
  end if;
  with settings as materialized (
    select r.id, ingest.ingest_settings_hash(r) as hash, r.options, r.metadata, ingest.ingest_origin(r) as origin from ingest.ingest_requests r where r.id = any (v_running)
  ), winner as (
    select v.id, d.id as document_id, d.revision_id as replaced
    from ingest.ingest_revisions v join ingest.ingest_documents d on d.collection = v.collection and d.uri = v.uri
    where v.id = any (v_ids) and v.state = 'embedded' and v.request_id = any (v_running) and (p_batch is null or v.batch = p_batch)
      -- A fork has the number of the reading whose text it took over: the younger of the two wins.
      and (v.read_seq, v.id) > (d.live_seq, coalesce(d.revision_id, 0)) and v.id <> all (v_dropped)
  ), replaced as (
    update ingest.ingest_revisions v set replaced_at = ingest.ingest_now() from winner w where v.id = w.replaced
  ), live as (
    update ingest.ingest_documents d
    set revision_id = v.id, live_seq = v.read_seq, title = v.title, media_type = v.media_type, bytes = v.bytes,
        chunks = cardinality(v.starts), metadata = v.metadata, content_hash = v.content_hash, version = v.version, modified_at = v.modified_at,
        settings_hash = s.hash, updated_at = ingest.ingest_now(),
        -- A request that says nothing of them leaves them: it must not open a document by an omission.
        principals = coalesce(ingest.ingest_document_principals(s.options, v.metadata || s.metadata), d.principals)
    from winner w join ingest.ingest_revisions v on v.id = w.id join settings s on s.id = v.request_id
    where d.id = w.document_id
  ), done as (
    update ingest.ingest_revisions v set state = 'published', document_id = w.document_id, published_at = ingest.ingest_now()
    from winner w where v.id = w.id returning v.id
  ), late as (
    update ingest.ingest_revisions v
    set state = 'skipped', reason = 'superseded', replaced_at = ingest.ingest_now(),
        document_id = case when v.id <> all (v_dropped) then d.id end
    from ingest.ingest_documents d
    where v.id = any (v_ids) and v.state = 'embedded' and v.request_id = any (v_running) and (p_batch is null or v.batch = p_batch)
      and d.collection = v.collection and d.uri = v.uri
      and ((v.read_seq, v.id) <= (d.live_seq, coalesce(d.revision_id, 0)) or v.id = any (v_dropped))
    returning v.id
  ), came as (
    insert into ingest.ingest_document_origins (document_id, origin, seen_by)
    select d.id, s.origin, v.request_id
    from settings s join ingest.ingest_revisions v on v.request_id = s.id join ingest.ingest_documents d on d.collection = v.collection and d.uri = v.uri
    where s.origin is not null and v.id = any (v_ids) and v.state = 'embedded' and (p_batch is null or v.batch = p_batch) on conflict do nothing
  )
  select (select count(*) from done), (select count(*) from late) into published, superseded;
  if cardinality(v_dropped) > 0 then  -- rows that were made for them
    perform set_config('ingest.drops', statement_timestamp()::text, true);
    delete from ingest.ingest_documents d using ingest.ingest_revisions v
    where v.id = any (v_dropped) and d.collection = v.collection and d.uri = v.uri and d.revision_id is null;
  end if;
  perform ingest.ingest_count_batches(v_running, p_batch, p_batch is not null);
  return next;
end
$$;

comment on function ingest.ingest_publish(uuid[], int, uuid) is
  'embedded → published, or skipped where a newer reading is live, or was dropped by an own step. IG021 if the batch has another owner or the request does not run, IG045 if a document does not stand in all generations yet.';
