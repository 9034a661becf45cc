create or replace function ingest.ingest_inline_range(p_request uuid, p_start bigint, p_length bigint) returns bytea
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select substring(coalesce(r.content_bytes, convert_to(r.content, 'UTF8')) from p_start::int + 1 for p_length::int)
  from ingest.ingest_requests r where r.id = p_request;
$$;

comment on function ingest.ingest_inline_range(uuid, bigint, bigint) is 'A slice of a request''s own content, in bytes.';
