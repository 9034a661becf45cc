create or replace function ingest.ingest_noticed_by(p_watch ingest.ingest_watch_store) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select string_agg(distinct n.value, '; ') from jsonb_each_text(p_watch.noticing) n
  join ingest.ingest_listeners l on l.executor_id = n.key and ingest.ingest_seems_alive(l)
  where p_watch.on_change and p_watch.paused_at is null;
$$;

comment on function ingest.ingest_noticed_by(ingest.ingest_watch_store) is 'How listeners that are alive notice changes of a watch; null: none does.';
