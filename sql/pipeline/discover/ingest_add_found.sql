create or replace function ingest.ingest_add_found(p_request uuid, p_executor text, p_attempt int, p_found ingest.ingest_found_v1[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_added int;
  v_some_are_kept_out boolean;
begin
  perform ingest.ingest_as_system();
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  v_some_are_kept_out := exists (select from ingest.ingest_forgotten);  -- now: it may have waited for an order
  insert into ingest.ingest_revisions
    (request_id, collection, generation, position, batch, uri, locator, media_type, bytes, error, state, read_seq, container,
     range_start, range_hash, line, version, modified_at, failed_at)
  select r.id, r.collection, ingest.ingest_generation(r), f.position, f.batch, f.uri, f.locator, f.media_type, f.bytes, f.error,
         case when f.error is null then 'discovered' else 'failed' end,
         -- Also for a refused one: a newer reading of the document resolves it.
         case when f.error is null then r.read_seq else coalesce(r.read_seq, nextval('ingest.ingest_read_seq')) end, f.container, f.range_start, f.range_hash,
         f.line, f.version, f.modified_at, case when f.error is not null then ingest.ingest_now() end
  from ingest.ingest_requests r cross join unnest(p_found) f
  where r.id = p_request and not (v_some_are_kept_out and ingest.ingest_is_kept_out(r.collection, f.uri));
  get diagnostics v_added = row_count;
  update ingest.ingest_requests r set documents_found = coalesce(r.documents_found, 0) + v_added where r.id = p_request;
end
$$;

comment on function ingest.ingest_add_found(uuid, text, int, ingest.ingest_found_v1[]) is
  'Writes a page of a request''s manifest; entries with an error are failed documents, what was forgotten is left out. IG021 if another execution does.';
