create or replace function ingest.ingest_list_changed(p_watch text, p_after bigint, p_most int) returns table (id bigint, key text[])
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select k.id, k.key from ingest.ingest_watched_tables t join ingest.ingest_changed_keys k on k.watch = t.number
  where t.watch = p_watch and k.id > p_after order by k.id limit p_most;
$$;

comment on function ingest.ingest_list_changed(text, bigint, int) is 'A page of the keys that a watch''s request is to look at.';
