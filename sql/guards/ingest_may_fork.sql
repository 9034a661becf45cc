create or replace function ingest.ingest_may_fork(p_request uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- The setting prevents the owner's own mistakes; it protects from nobody else.
  select current_setting('ingest.writer', true) is not distinct from statement_timestamp()::text and exists (
    select from ingest.ingest_requests r
    where r.id = p_request and (ingest.ingest_is_owner() or ingest.ingest_may('operate'::text, r.collection)));
$$;

comment on function ingest.ingest_may_fork(uuid) is
  'Whether a fork of a request may be inserted: by ingest_fork, for who operates its collection. It takes over what the request has read.';
