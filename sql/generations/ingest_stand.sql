create or replace function ingest.ingest_stand(p_request ingest.ingest_requests, p_batch int, p_owner uuid)
returns table (published int, superseded int)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- In the place of ingest_publish: no pointer moves. In the order of locks, documents first.
declare
  v_ids bigint[] := array(
    select v.id from ingest.ingest_revisions v where v.request_id = p_request.id and v.batch = p_batch and v.state = 'embedded');
begin
  perform ingest.ingest_lock_documents(v_ids);
  perform ingest.ingest_check_owner((array[p_request.id], p_batch, p_owner)::ingest.ingest_fence_v1, 'save'::text);
  perform from ingest.ingest_requests r where r.id = p_request.id and r.status = 'running' for share;
  if not found then
    raise exception 'request % is no longer running', p_request.id using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  perform ingest.ingest_skip_replaced(p_request.id, p_batch);  -- also what had no text any more to be cut or embedded
  with live as materialized (
    select v.id, d.id as document_id, v.stands_for, v.generation, v.starts, v.ends, v.headings, v.leads
    from ingest.ingest_revisions v join ingest.ingest_documents d on d.revision_id = v.stands_for
    where v.id = any (v_ids) and v.state = 'embedded'
  ), stands as (
    insert into ingest.ingest_cuts (revision_id, generation, starts, ends, headings, leads)
    select l.stands_for, l.generation, l.starts, l.ends, l.headings, l.leads from live l on conflict do nothing
  ), done as (
    update ingest.ingest_revisions v
    set state = 'published', document_id = l.document_id, published_at = ingest.ingest_now(), text = null, headings = null, leads = null, pages = null
    from live l where v.id = l.id returning v.id
  ), late as (
    update ingest.ingest_revisions v set state = 'skipped', reason = 'superseded', text = null
    where v.id = any (v_ids) and v.state = 'embedded' and not exists (select from live l where l.id = v.id) returning v.id
  )
  select (select count(*) from done), (select count(*) from late) into published, superseded;
  perform ingest.ingest_count_batches(array[p_request.id], p_batch, true);
  return next;
end
$$;

comment on function ingest.ingest_stand(ingest.ingest_requests, int, uuid) is
  'embedded → published, of a batch whose documents stand for live ones: these stand in its generation from now on; skipped where they were replaced. IG021 lost.';
