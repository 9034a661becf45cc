create or replace function ingest.ingest_complete_manifest(p_request uuid, p_executor text, p_attempt int default null)
returns table (documents int, batches int, first_batch int)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_as_system();
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  update ingest.ingest_revisions r set state = 'skipped', reason = 'duplicate', error = null
  from (
    select n.id, row_number() over (partition by n.uri order by n.position desc, n.id desc) as place
    from ingest.ingest_revisions n where n.request_id = p_request and n.stands_for is null) places
  where r.id = places.id and places.place > 1;
  insert into ingest.ingest_batches (request_id, batch, documents, bytes)
  select r.request_id, r.batch, count(*), coalesce(sum(r.bytes), 0)
  from ingest.ingest_revisions r where r.request_id = p_request and r.state not in ('failed', 'skipped')
  group by r.request_id, r.batch on conflict do nothing;  -- of a generation that stopped, listed before
  perform ingest.ingest_count_batches(array[p_request], null::int, false);
  perform ingest.ingest_count_manifest(p_request);
  select count(*) + coalesce((select u.documents_unchanged from ingest.ingest_requests u where u.id = p_request), 0) into documents
  from ingest.ingest_revisions r where r.request_id = p_request;
  select count(*), min(b.batch) into batches, first_batch from ingest.ingest_batches b where b.request_id = p_request;
  update ingest.ingest_requests r set discovered_at = ingest.ingest_now(), documents_total = documents, outage = null, resume_at = null
  where r.id = p_request;
  return next;
end
$$;

comment on function ingest.ingest_complete_manifest(uuid, text, int) is
  'Ends discovery: of a repeated URI the last wins; batches are made, and the completion mark is set.';
