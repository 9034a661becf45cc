create or replace function ingest.ingest_bury(p_judge text) returns setof text
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_declare_dead(p_judge);
$$;

comment on function ingest.ingest_bury(text) is 'For listeners of the former release: ingest_declare_dead.';
