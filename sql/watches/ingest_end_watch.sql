create or replace function ingest.ingest_end_watch(p_request uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- The caller has ended the request, in this transaction. Locks: the request, then the watch.
declare
  v_request ingest.ingest_requests;
  v_watch ingest.ingest_watch_store;
  v_now timestamptz := ingest.ingest_now();
begin
  select r.* into v_request from ingest.ingest_requests r where r.id = p_request;
  select w.* into v_watch from ingest.ingest_watch_store w where w.name = v_request.watch and w.request_id = p_request for update;
  if not found then
    return;
  end if;
  if (v_request.status = 'failed' and v_request.error ->> 'code' <> 'empty_source') or v_request.error ->> 'code' = 'deadline' then
    perform ingest.ingest_fail_watch(v_watch.name, v_request.error);
  elsif v_request.status in ('succeeded', 'partially_succeeded', 'failed') then  -- failed: nothing is there yet
    update ingest.ingest_watch_store w
    set succeeded_at = v_now, failures = 0, failing_since = null, error = coalesce(v_request.error, case when v_request.listing -> 'note' ->> 'code' <> 'forgotten' then v_request.listing -> 'note' end),
        next_at = case when w.failures > 0 then ingest.ingest_next_look(w, v_now) else w.next_at end
    where w.name = v_watch.name;
  end if;
  if v_watch.changed_at is not null and v_request.status <> 'failed' then
    update ingest.ingest_watch_store w set next_at = least(w.next_at, coalesce(ingest.ingest_rested_at(p_request), v_now))
    where w.name = v_watch.name;
  end if;
  if v_watch.changed_at is not null or v_watch.failures > 0 or v_request.status not in ('succeeded', 'partially_succeeded') then
    perform pg_notify(ingest.ingest_channel('watches'::text), '');
  end if;
end
$$;

comment on function ingest.ingest_end_watch(uuid) is
  'Records the outcome of a request in its watch. Partial success is a success, with the error as a note, and so is a source without documents; a cancel is neither success nor failure.';
