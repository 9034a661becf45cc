create or replace function ingest.ingest_run_watch(name text) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_watch ingest.ingest_watch_store := ingest.ingest_lock_watch(ingest_run_watch.name);
  v_status text;
begin
  if v_watch.source is null then
    update ingest.ingest_watched_tables t set needs_back_fill = true where t.watch = v_watch.name;
    return null;
  end if;
  select r.status into v_status from ingest.ingest_requests r where r.id = v_watch.request_id and r.status in ('pending', 'running');
  if v_status = 'running' then
    update ingest.ingest_watch_store w set changed_at = ingest.ingest_now() where w.name = v_watch.name;
  end if;
  return case when v_status is null then ingest.ingest_fire(v_watch) else v_watch.request_id end;
end
$$;

comment on function ingest.ingest_run_watch(text) is
  'Makes a watch look now, paused or not, and returns its request; while one runs, returns that one and looks again afterwards. For a table: returns null, and all its rows are read. '
  'IG050 no such watch; otherwise the error of its creator''s INSERT.';
