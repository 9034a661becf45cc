create or replace function ingest.ingest_move_pointers(p_requests uuid[], p_batch int, p_revisions bigint[])
returns table (published int, superseded int)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_dropped bigint[] := '{}';
begin
  if exists (
    select from ingest.ingest_requests r join ingest.ingest_collections c on c.name = r.collection where r.id = p_requests[1] and c.steps <> '[]') then
    v_dropped := array(
      select v.id from ingest.ingest_revisions v where v.id = any (p_revisions) and ingest.ingest_was_dropped(v.collection, v.uri, v.read_seq));
  end if;
  if exists (select from ingest.ingest_requests r where r.id = any (p_requests) and r.source is not null) then
    insert into ingest.ingest_document_origins (document_id, origin, seen_by)
    select d.id, ingest.ingest_origin(r), r.id
    from ingest.ingest_requests r join ingest.ingest_revisions v on v.request_id = r.id
    join ingest.ingest_documents d on d.collection = v.collection and d.uri = v.uri
    where r.id = any (p_requests) and r.source is not null and v.id = any (p_revisions) and v.state = 'embedded'
      and (p_batch is null or v.batch = p_batch) on conflict do nothing;
  end if;
  with settings as materialized (
    select r.id, ingest.ingest_settings_hash(r) as hash, r.options, r.metadata from ingest.ingest_requests r where r.id = any (p_requests)
  ), winner as (
    select v.id, d.id as document_id, d.revision_id as replaced
    from ingest.ingest_revisions v join ingest.ingest_documents d on d.collection = v.collection and d.uri = v.uri
    where v.id = any (p_revisions) and v.state = 'embedded' and v.request_id = any (p_requests) and (p_batch is null or v.batch = p_batch)
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
    where v.id = any (p_revisions) and v.state = 'embedded' and v.request_id = any (p_requests) and (p_batch is null or v.batch = p_batch)
      and d.collection = v.collection and d.uri = v.uri
      and ((v.read_seq, v.id) <= (d.live_seq, coalesce(d.revision_id, 0)) or v.id = any (v_dropped))
    returning v.id
  )
  select (select count(*) from done), (select count(*) from late) into published, superseded;
  if cardinality(v_dropped) > 0 then  -- rows that were made for them
    perform set_config('ingest.drops', statement_timestamp()::text, true);
    delete from ingest.ingest_documents d using ingest.ingest_revisions v
    where v.id = any (v_dropped) and d.collection = v.collection and d.uri = v.uri and d.revision_id is null;
  end if;
  perform ingest.ingest_count_batches(p_requests, p_batch, p_batch is not null);
  return next;
end
$$;

comment on function ingest.ingest_move_pointers(uuid[], int, bigint[]) is
  'What ingest_publish does, when documents, batches and requests (which run) are locked.';
