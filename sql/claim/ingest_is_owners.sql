create or replace function ingest.ingest_is_owners(p_submitter text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select exists (select from pg_roles r where r.rolname = p_submitter and pg_has_role(r.oid, current_user, 'usage'));
$$;

comment on function ingest.ingest_is_owners(text) is
  'Whether a request''s submitter is the owner of this installation, inherits from it or is a superuser: it has no limits.';
