create or replace function ingest.ingest_add_page(
  p_request uuid, p_executor text, p_attempt int, p_found ingest.ingest_found_v1[], p_unchanged bigint[], p_listing jsonb
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_note jsonb;
begin
  perform ingest.ingest_as_system();
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  if cardinality(p_found) > 0 then
    perform ingest.ingest_add_found(p_request, p_executor, p_attempt, p_found);
  end if;
  if cardinality(p_unchanged) > 0 then
    insert into ingest.ingest_seen (request_id, page, documents) values (p_request, (p_listing ->> 'page')::int, p_unchanged);
  end if;
  v_note := ingest.ingest_note_kept_out(p_request, p_found);
  update ingest.ingest_requests r
  set listing = case
        when nullif(p_listing -> 'note', 'null') is not null then p_listing
        when v_note is not null then p_listing || jsonb_build_object('note', v_note)
        -- The listener knows nothing of it, and sends its listing without.
        when p_listing ->> 'page' <> '1' and r.listing -> 'note' ->> 'code' = 'forgotten' then p_listing || jsonb_build_object('note', r.listing -> 'note')
        else p_listing end, outage = case when p_listing ->> 'cursor' is null then r.outage end,  -- what begins anew is no progress
      documents_unchanged = coalesce(r.documents_unchanged, 0) + cardinality(p_unchanged),
      documents_found = coalesce(r.documents_found, 0) + cardinality(p_unchanged)
  where r.id = p_request;
end
$$;

comment on function ingest.ingest_add_page(uuid, text, int, ingest.ingest_found_v1[], bigint[], jsonb) is
  'Writes a page of discovery: what is to be read, documents that have not changed, and how far it is. IG021 if another execution does.';
