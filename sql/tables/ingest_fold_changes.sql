create or replace function ingest.ingest_fold_changes() returns table (tables int, requests int)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- One request of a watch at a time. Keys stay until a request has looked at all of them: if it could not, the next one does.
declare
  v_table ingest.ingest_watched_tables;
  v_last ingest.ingest_requests;
  v_missed bigint;
  v_watch ingest.ingest_watch_store;
  v_waits boolean;
begin
  -- Also those that are locked by somebody just now: the listener looks again soon.
  select count(*)::int into tables from ingest.ingest_watched_tables;
  requests := 0;
  -- Both rows, and never waiting: removing a watch locks them in the other order.
  for v_table in
    select t.* from ingest.ingest_watched_tables t join ingest.ingest_watch_store w on w.name = t.watch
    order by t.number for update of t skip locked for no key update of w skip locked
  loop
    select w.* into v_watch from ingest.ingest_watch_store w where w.name = v_table.watch;
    v_missed := pg_sequence_last_value(format('ingest.ingest_missed_%s', v_table.number)::regclass);
    if v_missed is distinct from v_table.missed then
      -- A transaction that counted it had an id before this transaction gets one.
      update ingest.ingest_watched_tables t
      set missed = v_missed, needs_back_fill = true, back_fill_after = pg_current_xact_id()
      where t.watch = v_table.watch returning t.* into v_table;
    end if;
    if not exists (select from pg_class c where c.oid = v_table.relation) then
      if v_watch.error ->> 'code' is distinct from 'table_gone' then
        perform ingest.ingest_fail_watch(v_table.watch, jsonb_build_object(
          'code', 'table_gone', 'message', format('the table %s of watch "%s" was dropped', v_table.named, v_table.watch),
          'hint', ingest.ingest_table_gone_hint(v_table.watch), 'step', null, 'retryable', false));
      end if;
      continue;
    end if;
    continue when v_watch.paused_at is not null;
    select r.* into v_last from ingest.ingest_requests r where r.id = v_watch.request_id;
    continue when v_last.status in ('pending', 'running');
    if v_watch.request_id is not null then
      v_table := ingest.ingest_end_look(v_table, v_last);
      -- One that failed is tried again later, and later.
      continue when coalesce(v_last.finished_at + least(interval '1 hour', interval '2 seconds' * 2 ^ least(v_watch.failures, 12)) > ingest.ingest_now(), false)
        and v_last.status in ('failed', 'cancelled') and v_last.discovered_at is null;
    end if;
    v_waits := v_table.needs_back_fill
      and (v_table.back_fill_after is null or v_table.back_fill_after <= pg_snapshot_xmin(pg_current_snapshot())
           or v_table.back_fill_after > pg_current_xact_id());  -- of a database that was restored
    if v_waits then
      -- It reads everything committed so far.
      delete from ingest.ingest_changes c where c.watch = v_table.number;
      delete from ingest.ingest_changed_keys k where k.watch = v_table.number;
      perform setval(format('ingest.ingest_counted_%s', v_table.number)::regclass, 0);
    else
      perform ingest.ingest_take_changes(v_table, 10000);
      continue when not exists (select from ingest.ingest_changed_keys k where k.watch = v_table.number);
    end if;
    perform ingest.ingest_request_rows(v_table, v_waits);
    requests := requests + 1;
  end loop;
  return next;
end
$$;

comment on function ingest.ingest_fold_changes() is
  'Makes requests of what was written to watched tables; returns how many are watched, and how many requests it made. Any listener, any time.';
