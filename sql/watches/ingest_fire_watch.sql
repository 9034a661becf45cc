create or replace function ingest.ingest_fire_watch(out name text, out request uuid, out seconds float8) returns record
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- One at a time, so that each is a transaction of its own: the row's lock keeps two listeners from firing twice.
declare
  v_watch ingest.ingest_watch_store;
  v_now timestamptz := ingest.ingest_now();
  v_status text;
  v_state text; v_code text; v_message text; v_hint text;
begin
  select w.* into v_watch from ingest.ingest_watch_store w
  where w.paused_at is null and w.source is not null and w.next_at <= v_now order by w.next_at limit 1 for update skip locked;
  if not found then
    select extract(epoch from min(w.next_at) - v_now) into seconds
    from ingest.ingest_watch_store w where w.paused_at is null and w.source is not null;
    return;
  end if;
  name := v_watch.name;
  select r.status into v_status from ingest.ingest_requests r where r.id = v_watch.request_id and r.status in ('pending', 'running');
  if found then
    -- Its time is skipped, and not made up for. A request that has not begun yet will see the change.
    update ingest.ingest_watch_store w
    set next_at = ingest.ingest_next_look(w, v_now), changed_at = case when v_status = 'running' then w.changed_at end
    where w.name = v_watch.name;
    return;
  end if;
  begin
    request := ingest.ingest_fire(v_watch);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_code = constraint_name, v_message = message_text, v_hint = pg_exception_hint;
    if v_state like any ('{08%,53%,57%,58%,XX%}'::text[]) then
      raise;
    elsif v_state in ('40001', '40P01', '55P03') then
      -- Somebody is in its maker's way, maybe the maker: then all that it watches waits, and others' watches don't.
      update ingest.ingest_watch_store w set next_at = v_now + interval '10 seconds'
      where w.name in (select n.name from ingest.ingest_watch_store n
                       where n.created_by = v_watch.created_by and n.next_at <= v_now for update skip locked);
    else
      perform ingest.ingest_fail_watch(name, jsonb_build_object(
        'code', 'watch_not_fired', 'message', v_message, 'hint', v_hint, 'step', null, 'retryable', true)
        || case when v_code <> '' then jsonb_build_object('code', v_code) else '{}' end);
    end if;
  end;
end
$$;

comment on function ingest.ingest_fire_watch() is
  'Fires the watch that is due longest: its name, and the request that it inserted; no request: its last one has not ended, or it failed. '
  'No name: none is due, and the next one is in this many seconds.';
