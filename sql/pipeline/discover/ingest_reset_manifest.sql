create or replace function ingest.ingest_reset_manifest(p_request uuid, p_executor text, p_attempt int default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_as_system();
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  delete from ingest.ingest_revisions r where r.request_id = p_request;
  delete from ingest.ingest_batches b where b.request_id = p_request;
  delete from ingest.ingest_containers k where k.request_id = p_request;
  delete from ingest.ingest_planned_texts t where t.request_id = p_request;
  delete from ingest.ingest_seen s where s.request_id = p_request;
  update ingest.ingest_requests r set documents_found = 0, documents_unchanged = null, listing = null
  where r.id = p_request and (r.documents_found is distinct from 0 or r.listing is not null);
end
$$;

comment on function ingest.ingest_reset_manifest(uuid, text, int) is
  'Drops an incomplete manifest, before it is written again. IG021 if another listener runs the request.';
