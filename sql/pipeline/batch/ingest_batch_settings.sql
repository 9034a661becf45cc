create or replace function ingest.ingest_batch_settings(p_request uuid, p_batch int) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- Also while a service is only suspected: to ask it takes a moment, or it hangs.
  select w.settings || jsonb_build_object(
    'generations', cardinality(ingest.ingest_active_generations(r.collection)),
    'publish', coalesce(r.options ->> 'publish', 'document'), 'collection', r.collection, 'submitted_by', r.submitted_by, 'source', case when r.generation is null then r.source end,
    'plan', ingest.ingest_is_plan(r), 'capped', exists (select from ingest.ingest_caps_of(r)), 'patience', (r.options ->> 'patience')::float8, 'service', ingest.ingest_service_of(w.settings),
    'waits_for', (select b.waits_for from ingest.ingest_batches b
                  where b.request_id = p_request and b.batch = p_batch and b.resume_at is not null
                    and b.waits_for <> ingest.ingest_service_of(w.settings)),
    'waits', r.resume_at is not null
      or exists (select from ingest.ingest_batches b where b.request_id = p_request and b.batch = p_batch and b.resume_at is not null)
      or exists (select from ingest.ingest_circuits c
                 where c.service = ingest.ingest_service_of(w.settings) and c.tenant = coalesce(r.settings ->> 'tenant', '')))
  from ingest.ingest_requests r
  left join ingest.ingest_batches b on b.request_id = r.id and b.batch = p_batch
  cross join lateral ingest.ingest_worked_settings(r.settings, r.collection, b.generation) as w (settings)
  where r.id = p_request;
$$;

comment on function ingest.ingest_batch_settings(uuid, int) is
  'What a batch is carried through its steps with: the settings that its request started with, what its options say, and whether it waits first: for its service, or for a source (waits_for).';
