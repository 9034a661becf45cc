create or replace function ingest.ingest_watches_on_change(p_roots text[], p_limit int)
returns table (name text, source text, options jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select w.name, w.source, w.options from ingest.ingest_watch_store w
  where w.on_change and w.paused_at is null and ingest.ingest_has_root(p_roots, ingest.ingest_locate(w.source))
  order by w.created_at, w.name limit p_limit;
$$;

comment on function ingest.ingest_watches_on_change(text[], int) is 'The watches whose folders a listener with these roots is to look at, the older first.';
