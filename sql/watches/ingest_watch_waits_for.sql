create or replace function ingest.ingest_watch_waits_for(p_watch ingest.ingest_watch_store) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- As the caller, like ingest_waiting_for.
declare
  v_request ingest.ingest_requests;
  v_places record;
  v_now timestamptz := ingest.ingest_now();
begin
  if p_watch.paused_at is not null then
    return format('pause: since %s; to continue: select ingest_resume_watch(%L)', p_watch.paused_at, p_watch.name);
  end if;
  select r.* into v_request from ingest.ingest_requests r where r.id = p_watch.request_id and r.status in ('pending', 'running');
  if found then
    return ingest.ingest_waiting_for(v_request);
  elsif p_watch.failures > 0 and p_watch.next_at > v_now then
    return format('back-off: it failed %s times in a row; it looks again at %s, or now: select ingest_run_watch(%L)',
                  p_watch.failures, p_watch.next_at, p_watch.name);
  elsif p_watch.source is null then
    return null;
  end if;
  v_places := ingest.ingest_places(p_watch.collection, ingest.ingest_locate(p_watch.source), null::text);
  if v_places.alive = 0 then
    return 'listener: none is running; start one with: ingest listen';
  elsif v_places.reachable = 0 then
    return ingest.ingest_lacks_root(p_watch.collection, ingest.ingest_locate(p_watch.source));
  elsif p_watch.next_at < v_now - interval '1 minute' then
    return 'listener: it is due, but no listener has fired it; see the listeners'' logs';
  end if;
  return null;
end
$$;

comment on function ingest.ingest_watch_waits_for(ingest.ingest_watch_store) is
  'Why a watch does nothing, and what would help; null: it is not its time, or its request is on its way.';
