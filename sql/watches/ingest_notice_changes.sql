create or replace function ingest.ingest_notice_changes(p_watches text[]) returns text[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_watch ingest.ingest_watch_store;
  v_status text;
  v_now timestamptz := ingest.ingest_now();
  v_taken text[] := '{}';
begin
  for v_watch in
    select w.* from ingest.ingest_watch_store w
    where w.name = any (p_watches) and w.on_change and w.paused_at is null order by w.name for update skip locked
  loop
    v_taken := v_taken || v_watch.name;
    select r.status into v_status from ingest.ingest_requests r where r.id = v_watch.request_id and r.status in ('pending', 'running');
    continue when v_status = 'pending';  -- it will see it
    update ingest.ingest_watch_store w
    set changed_at = v_now,
        next_at = case when v_status = 'running' or (w.failures > 0 and w.next_at > v_now) then w.next_at
                       else least(w.next_at, greatest(v_now, ingest.ingest_rested_at(w.request_id))) end
    where w.name = v_watch.name;
  end loop;
  return array(select w.name from ingest.ingest_watch_store w
               where w.name = any (p_watches) and w.name <> all (v_taken) and w.on_change and w.paused_at is null order by 1);
end
$$;

comment on function ingest.ingest_notice_changes(text[]) is
  'Has watches look soon, since something changed; one whose request runs, when that has ended; one that backs off, then. Returns those '
  'that are locked: tell them again.';
