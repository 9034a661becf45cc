create or replace function ingest.ingest_resume_watch(name text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_watch ingest.ingest_watch_store := ingest.ingest_lock_watch(ingest_resume_watch.name);
begin
  update ingest.ingest_watch_store w
  set paused_at = null, next_at = case when w.source is not null and w.cron is not null and not w.on_change then ingest.ingest_next_look(w, ingest.ingest_now())
                                       else ingest.ingest_now() end
  where w.name = v_watch.name and w.paused_at is not null;
  perform pg_notify(ingest.ingest_channel('watches'::text), '');
end
$$;

comment on function ingest.ingest_resume_watch(text) is
  'Resumes a paused watch: it looks at once, or with cron at its next time. IG050 no such watch.';
