create or replace function ingest.ingest_watched(p_watch text) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(w.source, (
    select coalesce(t.relation::regclass::text, t.named) from ingest.ingest_watched_tables t where t.watch = w.name))
  from ingest.ingest_watch_store w where w.name = p_watch;
$$;

comment on function ingest.ingest_watched(text) is 'What a watch keeps in sync: its source, or its table.';
