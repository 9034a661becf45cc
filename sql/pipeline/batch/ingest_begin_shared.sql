create or replace function ingest.ingest_begin_shared(p_requests uuid[], p_executor text, p_owner uuid) returns uuid[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- What ingest_begin_request, the discovery and ingest_own_batch do for one request. One that is locked, or that a workflow has
-- begun with already, goes alone; so does all but the newest of a document's. A locked one is not waited for.
declare
  v_ids uuid[];
begin
  perform ingest.ingest_as_system();
  v_ids := array(
    select r.id from ingest.ingest_requests r
    where r.id = any (p_requests) and r.status = 'running' and r.executor_id = p_executor and r.attempt = 1 and r.begun = 0
      and r.discovered_at is null and (r.uri is null or not ingest.ingest_is_kept_out(r.collection, r.uri)) and exists (
        select from ingest.ingest_listeners l
        where l.executor_id = p_executor and l.dead_at is null and l.pipeline = r.settings ->> 'pipeline')
    order by r.id for no key update skip locked);
  v_ids := array(
    select distinct on (r.collection, coalesce(r.uri, r.id::text)) r.id from ingest.ingest_requests r
    where r.id = any (v_ids) order by r.collection, coalesce(r.uri, r.id::text), r.read_seq desc);
  -- One collection: what may cost only so much, at a price that nobody knows, goes alone and says so.
  if exists (
       select from ingest.ingest_requests r cross join ingest.ingest_caps_of(r) k
       where r.id = v_ids[1] and k.max_cost is not null and ingest.ingest_price_of(r.settings, p_executor) is null) then
    v_ids := '{}';
  end if;
  update ingest.ingest_requests r set begun = 1, discovered_at = ingest.ingest_now(), documents_total = 1, documents_found = 1, duplicates = 0,
    refused = 0
  where r.id = any (v_ids);
  with found as (
    insert into ingest.ingest_revisions (request_id, collection, position, batch, uri, media_type, bytes, read_seq)
    select r.id, r.collection, 0, 1, coalesce(r.uri, r.id::text), r.media_type, octet_length(r.content), r.read_seq
    from ingest.ingest_requests r where r.id = any (v_ids)
    returning request_id, bytes)
  insert into ingest.ingest_batches
    (request_id, batch, documents, bytes, step, owner, executor_id, remaining, remaining_embedded, begun_at, begun_remaining, mark)
  select f.request_id, 1, 1, f.bytes, 'load', p_owner, p_executor, 1, 1, ingest.ingest_now(), 1, 1 from found f;  -- mark: as ingest_mark
  return v_ids;
end
$$;

comment on function ingest.ingest_begin_shared(uuid[], text, uuid) is
  'Gives requests of one small document each a batch under one owner, so that they go through the steps together; returns those that do.';
