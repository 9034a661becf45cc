create or replace function ingest_inline_range(p_request uuid, p_start bigint, p_length bigint) returns bytea
language sql stable set search_path from current
as $$
  select substring(coalesce(r.content_bytes, convert_to(r.content, 'UTF8')) from p_start::int + 1 for p_length::int)
  from ingest_requests r where r.id = p_request;
$$;

comment on function ingest_inline_range(uuid, bigint, bigint) is 'A slice of a request''s own content, in bytes.';
