create or replace function ingest.ingest_is_owner() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select pg_has_role(ingest.ingest_caller(), current_user, 'usage');
$$;

comment on function ingest.ingest_is_owner() is 'Whether the caller is the owner of this installation, inherits from it or is a superuser: it may do everything.';
