create or replace function ingest.ingest_rested_at(p_request uuid) returns timestamptz
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- It rests as long as it worked, so a folder in which something changes all the time takes half of what there is at most.
  select r.finished_at + least(greatest(r.finished_at - r.started_at, interval '0.5 s'), interval '5 minutes')
  from ingest.ingest_requests r where r.id = p_request;
$$;

comment on function ingest.ingest_rested_at(uuid) is 'When a watch may look again, after its last request, because of a change; null: at any time.';
