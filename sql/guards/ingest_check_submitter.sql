create or replace function ingest.ingest_check_submitter(p_request ingest.ingest_requests) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if ingest.ingest_is_owner() then
    return;
  end if;
  -- Who operates a collection may do in it once more what was done there.
  if p_request.forked_from is null or not ingest.ingest_may('operate'::text, p_request.collection) then
    perform ingest.ingest_require('submit'::text, p_request.collection);
  end if;
end
$$;

comment on function ingest.ingest_check_submitter(ingest.ingest_requests) is
  'Raises IG040 unless the caller may submit to the collection of a new request. The owner may, and has no limits.';
