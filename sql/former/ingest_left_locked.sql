create or replace function ingest.ingest_left_locked(p_roots text[]) returns boolean
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select false;
$$;

comment on function ingest.ingest_left_locked(text[]) is
  'For listeners of the former release: what is locked is found when they look next.';
