create or replace function ingest.ingest_is_watchs(p_request ingest.ingest_requests) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from ingest.ingest_watch_store w
    where w.request_id = p_request.id and w.source is null and w.collection = p_request.collection);
$$;

comment on function ingest.ingest_is_watchs(ingest.ingest_requests) is
  'Whether a new request belongs to a watch of a table, which names it before it is inserted: nobody else may read a table.';
