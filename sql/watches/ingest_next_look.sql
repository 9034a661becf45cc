create or replace function ingest.ingest_next_look(p_watch ingest.ingest_watch_store, p_after timestamptz) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  -- Some changes are missed: it also looks every hour. (least ignores nulls.)
  return least(p_after + p_watch.every,
               case when p_watch.cron is not null then ingest.ingest_next_time(p_watch.cron, p_watch.time_zone, p_after) end,
               case when p_watch.on_change then p_after + interval '1 hour' end);
end
$$;

comment on function ingest.ingest_next_look(ingest.ingest_watch_store, timestamptz) is
  'When a watch looks next after a time, as it is ordered to; null: not by time.';
