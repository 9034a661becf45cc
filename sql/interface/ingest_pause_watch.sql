create or replace function ingest.ingest_pause_watch(name text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_watch ingest.ingest_watch_store := ingest.ingest_lock_watch(ingest_pause_watch.name);
begin
  update ingest.ingest_watch_store w set paused_at = coalesce(w.paused_at, ingest.ingest_now()), noticing = null where w.name = v_watch.name;
  perform pg_notify(ingest.ingest_channel('watches'::text), '');
end
$$;

comment on function ingest.ingest_pause_watch(text) is 'Pauses a watch until ingest_resume_watch; a running request of it continues. IG050 no such watch.';
