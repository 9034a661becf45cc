create or replace function ingest.ingest_begin_request(p_request uuid, p_executor text, p_attempt int)
returns table (id uuid, collection text, source text, inline_bytes int, media_type text, uri text, options jsonb, attempt int,
               crashes int, discovered boolean, fork_step text, submitted_by text, executor_id text,
               listing jsonb)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_request ingest.ingest_requests;
  v_pipeline text := (select l.pipeline from ingest.ingest_listeners l where l.executor_id = p_executor and l.dead_at is null);
begin
  perform ingest.ingest_as_system();
  -- Lock order: batches, then the request.
  if exists (select from ingest.ingest_requests r where r.id = p_request and (r.settings ->> 'pipeline' <> v_pipeline or not ingest.ingest_may_run(r, p_executor, true) or ingest.ingest_has_other_steps(r, p_executor))) then
    perform from ingest.ingest_batches b where b.request_id = p_request order by b.batch for update;
  end if;
  select r.* into v_request from ingest.ingest_requests r where r.id = p_request for no key update;
  if v_request.status is distinct from 'running' or v_pipeline is null or v_request.attempt <> p_attempt then
    return;
  end if;
  if ingest.ingest_forget_late(v_request) then
    return;
  end if;
  if not ingest.ingest_may_run(v_request, p_executor, true) then
    perform ingest.ingest_reopen(p_request, 'resume'::text);  -- it waits for a listener that knows what it asks for, and has its steps
    return;
  end if;
  perform ingest.ingest_require_price(v_request, ingest.ingest_price_of(v_request.settings, p_executor), v_request.settings ->> 'model');
  if v_request.settings ->> 'pipeline' <> v_pipeline then
    perform ingest.ingest_change_pipeline(p_request, v_pipeline);
  end if;
  if ingest.ingest_has_other_steps(v_request, p_executor) then
    perform ingest.ingest_change_steps(p_request, p_executor);
  end if;
  if v_request.executor_id <> p_executor or v_request.begun <> v_request.attempt or v_request.settings ->> 'pipeline' <> v_pipeline then
    update ingest.ingest_requests r
    set executor_id = p_executor, begun = r.attempt,
        -- Died over the discovery, which has no batch yet to count it.
        -- What is parked does nothing, so it kills nobody; now it looks again.
        crashes = r.crashes + (r.begun = r.attempt and r.discovered_at is null and r.resume_at is null and exists (
          select from ingest.ingest_listeners l where l.executor_id = v_request.executor_id and l.dead_at is not null))::int,
        resume_at = case when r.discovered_at is not null then r.resume_at end
    where r.id = p_request
    returning r.* into v_request;
  end if;
  -- Of its own content the length alone, which reads none of it.
  return query select
    v_request.id, v_request.collection, case when v_request.generation is null then v_request.source end,
    coalesce(octet_length(v_request.content), octet_length(v_request.content_bytes)), v_request.media_type, v_request.uri,
    v_request.options, v_request.attempt, v_request.crashes, v_request.discovered_at is not null,
    case when v_request.generation is not null then 'generation' else v_request.fork_step end,
    v_request.submitted_by, v_request.executor_id, v_request.listing;
end
$$;

comment on function ingest.ingest_begin_request(uuid, text, int) is
  'The request, if it is running and the listener is alive, else nothing: the first thing that its workflow asks. '
  'p_attempt: only if that attempt runs; null: any. fork_step: ''generation'' of one that brings live documents into a generation. IG044 if it may cost only so much, and no price is known.';
