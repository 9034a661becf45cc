create or replace function ingest.ingest_end_shared(p_requests uuid[], p_executor text, p_owner uuid)
returns table (id uuid, status text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A locked request, or one with an unfinished document, is left to its own workflow.
declare
  v_id uuid;
begin
  for v_id in
    select r.id from ingest.ingest_requests r join ingest.ingest_batches b on b.request_id = r.id and b.batch = 1
    where r.id = any (p_requests) and r.status = 'running' and r.executor_id = p_executor and r.attempt = 1 and b.owner = p_owner
      and not exists (select from ingest.ingest_revisions v where v.request_id = r.id and v.state not in ('published', 'skipped', 'failed'))
    order by r.id for no key update of r skip locked
  loop
    id := v_id;
    status := ingest.ingest_settle(v_id, null::text, null::jsonb);
    return next;
  end loop;
end
$$;

comment on function ingest.ingest_end_shared(uuid[], text, uuid) is
  'Ends the requests of a shared batch whose documents are through; returns them with their final statuses.';
