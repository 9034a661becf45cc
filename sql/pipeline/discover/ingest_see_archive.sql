create or replace function ingest.ingest_see_archive(
  p_request uuid, p_executor text, p_attempt int, p_read_seq bigint, p_uri text, p_state text, p_listing jsonb
) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- As ingest_see_unchanged does of a page: while other requests run in the collection, this look's number has to win.
declare
  v_request ingest.ingest_requests;
  v_documents bigint[];
  v_locked int;
begin
  perform ingest.ingest_as_system();
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  select r.* into v_request from ingest.ingest_requests r where r.id = p_request;
  v_documents := ingest.ingest_same_archive(v_request, p_uri, p_state);
  if v_documents is null then
    return false;
  end if;
  if not ingest.ingest_is_plan(v_request)
     and exists (select from ingest.ingest_requests o where o.collection = v_request.collection and o.status = 'running' and o.id <> p_request) then
    with locked as materialized (
      select d.id, d.live_seq from ingest.ingest_documents d where d.id = any (v_documents) for no key update skip locked
    ), moved as (
      update ingest.ingest_documents d set live_seq = p_read_seq from locked l where d.id = l.id and l.live_seq < p_read_seq
    )
    select count(*) into v_locked from locked;
    if v_locked < cardinality(v_documents) then
      return false;
    end if;
  end if;
  perform ingest.ingest_add_page(p_request, p_executor, p_attempt, '{}'::ingest.ingest_found_v1[], v_documents, p_listing);
  return true;
end
$$;

comment on function ingest.ingest_see_archive(uuid, text, int, bigint, text, text, jsonb) is
  'Counts the members of an archive that has not changed as unchanged, and writes how far discovery is; false: it is not the same any more. '
  'IG021 if another execution does.';
