create or replace function ingest.ingest_waiting_for(p_request ingest.ingest_requests) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- "code: what it waits for, and what would help", or null.
declare
  v_alive int; v_free int; v_reachable int; v_max int; v_running int;
  v_batch ingest.ingest_batches;
begin
  if p_request.status not in ('pending', 'running') then
    return null;
  end if;
  if p_request.status = 'pending' and p_request.run_at > ingest.ingest_now() then
    return format('run_at: it is scheduled for %s', p_request.run_at);
  end if;
  select count(*), count(*) filter (where l.running < l.capacity),
         count(*) filter (where ingest.ingest_locator(p_request) is null or ingest.ingest_has_root(l.roots, ingest.ingest_locator(p_request)))
  into v_alive, v_free, v_reachable
  from ingest.ingest_listeners l where l.dead_at is null and l.heartbeat_at > ingest.ingest_now() - l.lease;
  if v_alive = 0 then
    return 'listener: none is running; start one with: ingest listen';
  end if;
  if p_request.status = 'running' then
    select b.* into v_batch from ingest.ingest_batches b
    where b.request_id = p_request.id and b.finished_at is null and b.next_attempt_at > ingest.ingest_now()
    order by b.next_attempt_at limit 1;
    if found then
      return format('service: %s; next attempt at %s', v_batch.last_error ->> 'message', v_batch.next_attempt_at);
    end if;
    if not exists (select from ingest.ingest_listeners l where l.executor_id = p_request.executor_id and l.dead_at is null
                   and l.heartbeat_at > ingest.ingest_now() - l.lease) then
      return format('takeover: listener %s gives no sign of life; another one goes on with it within its lease', p_request.executor_id);
    end if;
    return null;
  end if;
  if v_reachable = 0 then
    return format('root: no running listener has a root that contains %s; start one that may read it', ingest.ingest_locator(p_request));
  end if;
  select c.max_running into v_max from ingest.ingest_collections c where c.name = p_request.collection;
  if v_max is not null then
    select count(*) into v_running from ingest.ingest_requests r where r.status = 'running' and r.collection = p_request.collection;
    if v_running >= v_max then
      return format('collection: %s of at most %s requests of "%s" run; see ingest_collection(name, ''{"max_running": n}'')',
                    v_running, v_max, p_request.collection);
    end if;
  end if;
  if v_free = 0 then
    return format('capacity: %s listener(s) have no free place; start more, or raise INGEST_CONCURRENCY', v_alive);
  end if;
  return null;
end
$$;

comment on function ingest.ingest_waiting_for(ingest.ingest_requests) is 'Why nothing happens to a request, and what would help; null: nothing is in its way.';
