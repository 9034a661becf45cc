create or replace function ingest.ingest_waiting_for(p_request ingest.ingest_requests) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- "code: what it waits for, and what would help", or null. As the caller: it may see no more of batches than that.
declare
  v_restored text;
  v_places record;
  v_places_of record;
  v_batch ingest.ingest_batches;
  v_outage record;
  v_steps text;
begin
  if p_request.status not in ('pending', 'running') then
    return null;
  end if;
  if p_request.status = 'pending' and p_request.run_at > ingest.ingest_now() then
    return format('run_at: it is scheduled for %s', p_request.run_at);
  end if;
  v_restored := ingest.ingest_restored();  -- the listeners of before seem to live until their leases are over
  if v_restored is not null then
    return format('restored_database: %s; to continue in it: select ingest_confirm_restore()', v_restored);
  end if;
  v_places := ingest.ingest_places(p_request.collection, ingest.ingest_locator(p_request), p_request.executor_id);
  if v_places.alive = 0 then
    return 'listener: none is running; start one with: ingest listen';
  end if;
  if p_request.status = 'running' then
    select b.* into v_batch from ingest.ingest_batches b
    where b.request_id = p_request.id and b.finished_at is null and b.last_error is not null
      and (b.next_attempt_at is null or b.next_attempt_at > ingest.ingest_now() or b.resume_at is not null)
    order by b.next_attempt_at limit 1;
    if found then
      return ingest.ingest_outage_message(v_batch.last_error, v_batch.next_attempt_at);
    end if;
    if p_request.resume_at is not null and p_request.outage is not null then
      return ingest.ingest_outage_message(p_request.outage, p_request.resume_at);
    end if;
    if not v_places.executes then
      return format('takeover: listener %s gives no sign of life; another one takes over within its lease', p_request.executor_id);
    end if;
    return null;
  end if;
  if v_places.reachable = 0 then
    return ingest.ingest_lacks_root(p_request.collection, ingest.ingest_locator(p_request));
  end if;
  if ingest.ingest_lacks_caps(p_request) then
    return 'listener: those that could take it are of a former release, and know nothing of plans, caps and several generations; start one of this release: ingest listen';
  end if;
  v_steps := ingest.ingest_lacks_steps(p_request);
  if v_steps is not null then
    return v_steps;
  end if;
  v_outage := ingest.ingest_outage_of(p_request.collection);
  if v_outage.service is not null then
    return ingest.ingest_outage_message(v_outage.error || jsonb_build_object('service', v_outage.service), v_outage.probe_at);
  end if;
  if v_places.running >= v_places.most then
    return format('collection: %s of at most %s requests of "%s" run; see ingest_collection(name, ''{"max_running": n}'')',
                  v_places.running, v_places.most, p_request.collection);
  end if;
  v_places_of := ingest.ingest_places_of(p_request.collection, coalesce(p_request.submitted_by, p_request.created_by));
  if v_places_of.running >= v_places_of.most then
    return format('submitter: %s of at most %s requests of role "%s" run; the owner can raise it: '
                  'select ingest_limit(%L, ''{"max_running": n}'')', v_places_of.running, v_places_of.most,
                  coalesce(p_request.submitted_by, p_request.created_by), coalesce(p_request.submitted_by, p_request.created_by));
  end if;
  if v_places.free = 0 then
    return format('capacity: %s no free place; start more, or raise INGEST_CONCURRENCY',
                  case v_places.alive when 1 then '1 listener has' else format('%s listeners have', v_places.alive) end);
  end if;
  return null;
end
$$;

comment on function ingest.ingest_waiting_for(ingest.ingest_requests) is 'Why nothing happens to a request, and what would help; null: nothing is in its way.';
