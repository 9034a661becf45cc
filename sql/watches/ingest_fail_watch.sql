create or replace function ingest.ingest_fail_watch(p_watch text, p_error jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := ingest.ingest_now();
begin
  update ingest.ingest_watch_store w
  set failures = w.failures + 1, failing_since = coalesce(w.failing_since, v_now), error = p_error,
      next_at = case when w.on_change or num_nonnulls(w.every, w.cron) = 0 then v_now + ingest.ingest_back_off(w.failures + 1)
                     when w.cron is not null then ingest.ingest_next_time(w.cron, w.time_zone, v_now + ingest.ingest_back_off(w.failures + 1))
                     else v_now + greatest(w.every, ingest.ingest_back_off(w.failures + 1)) end
  where w.name = p_watch;
end
$$;

comment on function ingest.ingest_fail_watch(text, jsonb) is
  'Notes why a watch failed. It looks again after the back-off, and not before its time: with every after that time, with cron at the next time behind it.';
