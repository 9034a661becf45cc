create or replace function ingest.ingest_list_read(p_watch text, p_after text, p_most int) returns setof text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select d.uri from ingest.ingest_watched_tables t join ingest.ingest_documents d on d.collection = t.collection
  where t.watch = p_watch and d.uri > p_after and starts_with(d.uri, t.prefix)
  order by d.uri limit p_most;
$$;

comment on function ingest.ingest_list_read(text, text, int) is 'A page of the URIs of a watch''s documents: some of their rows may be gone.';
