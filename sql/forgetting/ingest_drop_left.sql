create or replace function ingest.ingest_drop_left(p_requests uuid[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  delete from ingest.ingest_left_workflows l where l.request_id = any (p_requests);
$$;

comment on function ingest.ingest_drop_left(uuid[]) is 'Notes that DBOS has nothing more of some requests.';
