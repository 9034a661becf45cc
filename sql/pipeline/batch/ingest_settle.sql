create or replace function ingest.ingest_settle(p_request uuid, p_status text, p_error jsonb) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A final status is a compare-and-set from running. p_status null: the documents decide.
declare
  v_total int; v_done int; v_skipped int; v_failed int; v_chunks int; v_open int; v_unchanged int;
  v_status text := p_status;
  v_error jsonb;
  v_watch text;
  v_is_plan boolean;
  v_generation int;
  v_goes_on boolean;
  v_plan jsonb;
begin
  perform ingest.ingest_as_system();
  select coalesce(r.documents_unchanged, 0), coalesce(p_error, r.error), r.watch, ingest.ingest_is_plan(r), r.generation into v_unchanged, v_error, v_watch, v_is_plan, v_generation
  from ingest.ingest_requests r where r.id = p_request and r.status = 'running' for no key update;
  if not found then
    return null;
  end if;
  select count(*), count(*) filter (where v.state = 'published'), count(*) filter (where v.state = 'skipped'),
         count(*) filter (where v.state = 'failed'), coalesce(sum(cardinality(v.starts)) filter (where v.state = 'published'), 0)
  into v_total, v_done, v_skipped, v_failed, v_chunks
  from ingest.ingest_revisions v where v.request_id = p_request;
  v_open := v_total - v_done - v_skipped - v_failed;
  v_total := v_total + v_unchanged;
  v_skipped := v_skipped + v_unchanged;
  if v_is_plan and v_status is null and v_error is null then
    v_status := 'succeeded';  -- it says which documents would fail
    v_plan := ingest.ingest_sum_plan(p_request);
  end if;
  if v_status is null then
    v_status := case when v_failed = 0 and v_error is null then 'succeeded' when v_done + v_skipped > 0 then 'partially_succeeded' else 'failed' end;
  end if;
  -- Some of its documents failed: its service works, and it may be switched to without them.
  v_goes_on := v_status = 'succeeded' or v_status = 'partially_succeeded' and v_error is null and v_done > 0;
  update ingest.ingest_requests r
  set status = v_status, finished_at = greatest(ingest.ingest_now(), r.started_at), documents_total = v_total, documents_done = v_done,
      documents_skipped = v_skipped, documents_failed = v_failed, chunks_total = v_chunks,
      percent = case when r.discovered_at is null then null when v_open = 0 then 100
                     else (select least(p.percent, 99.999) from ingest.ingest_progress_of(r) p) end,
      resume_at = null, outage = null, tokens = (select sum(b.tokens) from ingest.ingest_batches b where b.request_id = p_request),
      plan = v_plan,
      error = coalesce(v_error, case when v_failed > 0 and v_plan is null then ingest.ingest_documents_failed(p_request, v_failed, v_total) end)
  where r.id = p_request;
  if v_generation is not null then
    perform ingest.ingest_end_generation(p_request, v_goes_on);
    perform ingest.ingest_switch_due(p_request);
  end if;
  if v_open > 0 then  -- else nothing of it is parked; one that is locked is just going on, or parks in vain
    update ingest.ingest_batches b set resume_at = null, next_attempt_at = null
    from (select o.batch from ingest.ingest_batches o where o.request_id = p_request and o.resume_at is not null
          order by o.batch for no key update skip locked) p
    where b.request_id = p_request and b.batch = p.batch;
  end if;
  if v_watch is not null then
    perform ingest.ingest_end_watch(p_request);
  end if;
  return v_status;
end
$$;

comment on function ingest.ingest_settle(uuid, text, jsonb) is
  'Ends a running request and counts its documents; returns the status, or null if it was not running.';
