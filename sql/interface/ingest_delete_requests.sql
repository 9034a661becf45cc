create or replace function ingest.ingest_delete_requests(p_requests uuid[]) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_deleted bigint;
begin
  perform ingest.ingest_require_request(r.id) from unnest(p_requests) as r (id) order by r.id;
  delete from ingest.ingest_requests r where r.id = any (p_requests);
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;

comment on function ingest.ingest_delete_requests(uuid[]) is
  'Deletes finished requests; their documents stay. Returns how many. Like a DELETE on ingest_requests, for operators of some '
  'collections. IG007 unfinished, IG010 unknown, IG040 if the caller may not operate.';
