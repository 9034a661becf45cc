create or replace function ingest.ingest_search_statement(p_collection text, p_dimensions int) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_nearest_statement(p_collection, p_dimensions, false, false);
$$;

comment on function ingest.ingest_search_statement(text, int) is
  'For listeners of the former release: ingest_nearest_statement, which calls of its ingest_search go on with.';
