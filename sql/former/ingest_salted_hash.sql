create or replace function ingest.ingest_salted_hash(p_request uuid, p_hash bytea) returns bytea
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select case when coalesce(r.settings ->> 'tenant', '') = '' then p_hash
              else sha256(convert_to(r.settings ->> 'tenant', 'UTF8') || E'\\x00'::bytea || p_hash) end
  from ingest.ingest_requests r where r.id = p_request;
$$;

comment on function ingest.ingest_salted_hash(uuid, bytea) is
  'For listeners of the former release: they know no tenants; what they write for one, only they and that tenant know.';
