create or replace function ingest.ingest_table_gone_hint(p_watch text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select format('select ingest_unwatch(%L), with delete_documents to delete its documents; then watch the table that took its place.', p_watch);
$$;

comment on function ingest.ingest_table_gone_hint(text) is 'What to do about a watch whose table was dropped.';
