create or replace function ingest.ingest_forget_work(p_order bigint, p_gone uuid[], p_kept uuid[], p_revisions bigint[]) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Requests that go are cancelled first. Those that stay go on without what was forgotten: an execution that has its text in
-- memory loses its batches, and another one begins from what is there.
declare
  v_error jsonb := jsonb_build_object('code', 'cancelled', 'message', 'what it was to bring was forgotten', 'hint', '', 'step', null, 'retryable', false);
  v_wiped bigint;
begin
  perform ingest.ingest_as_system();
  insert into ingest.ingest_left_workflows (request_id, order_id) select r, p_order from unnest(p_gone || p_kept) r on conflict do nothing;
  insert into ingest.ingest_commands (request_id, verb)
  select r.id, 'cancel' from ingest.ingest_requests r where r.id = any (p_gone) and r.status = 'running' order by r.id;
  if found then
    perform pg_notify(ingest.ingest_channel('commands'::text), '');
  end if;
  perform ingest.ingest_settle(r.id, 'cancelled'::text, v_error) from ingest.ingest_requests r where r.id = any (p_gone) and r.status = 'running' order by r.id;
  update ingest.ingest_requests r set status = 'cancelled', finished_at = ingest.ingest_now(), error = v_error
  where r.id = any (p_gone) and r.status = 'pending';
  perform ingest.ingest_end_generation(r.id, false) from ingest.ingest_requests r where r.id = any (p_gone) and r.status = 'cancelled' and r.generation is not null;
  update ingest.ingest_batches b
  set owner = case when b.finished_at is null then null else b.owner end, last_error = null
  where b.request_id = any (p_kept) and exists (
    select from ingest.ingest_revisions v where v.request_id = b.request_id and v.batch = b.batch and v.id = any (p_revisions));
  update ingest.ingest_commands k set arguments = k.arguments - 'options' where k.request_id = any (p_kept) and k.arguments ? 'options';
  update ingest.ingest_watch_store w set error = ingest.ingest_wiped_error(w.error)
  where w.error is not null and w.request_id = any (p_gone || p_kept);
  update ingest.ingest_requests r
  set error = ingest.ingest_wiped_error(r.error), outage = case when r.finished_at is null then ingest.ingest_wiped_error(r.outage) end,
      -- Where a discovery that runs goes on stays until it has ended.
      listing = case when r.finished_at is null then r.listing - (case when r.discovered_at is null then '{note}' else '{cursor,note}' end)::text[] end
  where r.id = any (p_kept) and num_nonnulls(r.error, r.outage, case when r.finished_at is not null then r.listing end,
                                             nullif(r.listing -> 'note', 'null'), r.listing ->> 'cursor') > 0;
  get diagnostics v_wiped = row_count;
  return jsonb_build_object('errors', v_wiped);
end
$$;

comment on function ingest.ingest_forget_work(bigint, uuid[], uuid[], bigint[]) is
  'Stops work that would bring back what is forgotten, and takes the words out of what requests that stay say of it.';
