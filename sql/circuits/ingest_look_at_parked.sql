create or replace function ingest.ingest_look_at_parked(p_requests uuid[], p_batches int[], p_owners uuid[], p_patience float8[])
returns table (place int, verdict text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Waits for no lock: a session that controls a request in an open transaction holds up only that one.
declare
  v_now timestamptz := ingest.ingest_now();
begin
  perform ingest.ingest_as_system();
  with late as (
    select b.request_id, b.batch, c.probe_at, (c.error - 'place') || jsonb_build_object(
             'service', c.service, 'step', coalesce(nullif(c.error -> 'step', 'null'), b.last_error -> 'step')) as error
    from ingest.ingest_batches b join ingest.ingest_requests r on r.id = b.request_id
    join ingest.ingest_circuits c
      on (c.service, c.tenant) = (coalesce(b.waits_for, ingest.ingest_service_of(ingest.ingest_worked_settings(r.settings, r.collection, b.generation))), coalesce(r.settings ->> 'tenant', ''))
    join unnest(p_requests, p_batches) as w (request, batch) on w.request = b.request_id and w.batch = b.batch
    where r.status = 'running' and b.resume_at is not null and c.opened_at is not null and b.resume_at <> c.probe_at
    order by b.request_id, b.batch for no key update of b skip locked)
  update ingest.ingest_batches b set resume_at = l.probe_at, next_attempt_at = l.probe_at, last_error = l.error
  from late l where b.request_id = l.request_id and b.batch = l.batch;
  with late as (
    select r.id, coalesce((select min(b.resume_at) from ingest.ingest_batches b where b.request_id = r.id), c.probe_at) as resume_at,
           case when r.outage is not null and c.service is not null
                then (c.error - 'place') || jsonb_build_object(
                  'service', c.service, 'step', r.outage -> 'step', 'since', r.outage -> 'since') else r.outage end as outage
    from ingest.ingest_requests r
    left join ingest.ingest_circuits c on c.opened_at is not null
      and (c.service, c.tenant) = (coalesce(r.outage ->> 'service', ingest.ingest_service_of(r.settings)), coalesce(r.settings ->> 'tenant', ''))
    where r.id = any (p_requests) and r.status = 'running' and not ingest.ingest_has_running_batch(r.id)
      and (r.discovered_at is not null or r.resume_at is not null)
    order by r.id for no key update of r skip locked)
  update ingest.ingest_requests r set resume_at = l.resume_at, outage = l.outage
  from late l where r.id = l.id and l.resume_at is not null and (r.resume_at, r.outage) is distinct from (l.resume_at, l.outage);
  return query
    with parked as materialized (
      select w.place, r.collection, coalesce(r.submitted_by, r.created_by) as submitter, r.limited and r.resume_at is not null as counts,
             case when r.status is distinct from 'running' or (w.batch is not null and b.owner is distinct from w.owner) then 'gone'
                  when b.generation <> all (ingest.ingest_active_generations(r.collection)) then 'left'
                  when c.opened_at is not null and w.patience * interval '1 second' <= v_now - coalesce(b.waiting_since, (r.outage ->> 'since')::timestamptz, (
                         select min(o.waiting_since) from ingest.ingest_batches o where w.batch is null and o.request_id = r.id),
                         greatest(c.opened_at, r.started_at)) then 'over'
                  when c.opened_at is not null then 'open'
                  when c.service is null then 'closed' end as verdict
      from unnest(p_requests, p_batches, p_owners, p_patience) with ordinality as w (request, batch, owner, patience, place)
      left join ingest.ingest_requests r on r.id = w.request
      left join ingest.ingest_batches b on b.request_id = w.request and b.batch = w.batch
      left join ingest.ingest_circuits c on (c.service, c.tenant) = (
        coalesce(b.waits_for, r.outage ->> 'service', ingest.ingest_service_of(ingest.ingest_worked_settings(r.settings, r.collection, b.generation))), coalesce(r.settings ->> 'tenant', ''))
    ), line as (
      select p.place, p.collection, p.submitter, row_number() over (partition by p.collection, p.submitter order by p.place) as n
      from parked p where p.verdict in ('closed', 'left') and p.counts
    ), room as materialized (
      select d.collection, d.submitter, ingest.ingest_room(d.collection, d.submitter) as room
      from (select distinct l.collection, l.submitter from line l) d
    )
    select p.place::int, p.verdict from parked p
    where p.verdict is not null and not exists (
      select from line l join room m on m.collection = l.collection and m.submitter = l.submitter
      where l.place = p.place and l.n > m.room);
end
$$;

comment on function ingest.ingest_look_at_parked(uuid[], int[], uuid[], float8[]) is
  'What has become of work that waits for a service, by its place. gone: it was cancelled, or another execution owns it; left: the generation that it is brought into stopped, or was dropped; over: it has waited for '
  'p_patience seconds; open: its circuit is; closed: it may go on, as far as there is room; of the others nothing is said. A batch of null: a '
  'request that waits with its next one, since the first of its batches that waits has, or one whose documents are not found yet. Also writes down until when each waits.';
