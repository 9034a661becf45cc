create or replace function ingest.ingest_is_same_archive(p_request uuid, p_uri text, p_state text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_same_archive(r, p_uri, p_state) is not null from ingest.ingest_requests r where r.id = p_request;
$$;

comment on function ingest.ingest_is_same_archive(uuid, text, text) is 'Whether a request need not open an archive that is in this state: ingest_see_archive then counts its members.';
