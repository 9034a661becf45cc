create or replace function ingest.ingest_source_of_watch(p_watch ingest.ingest_watch_store) returns text
language sql immutable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(p_watch.source, 'table:/' || ingest.ingest_percent_encode(p_watch.name));
$$;

comment on function ingest.ingest_source_of_watch(ingest.ingest_watch_store) is
  'The source of a watch''s requests; that of a watched table bears the watch''s name.';
