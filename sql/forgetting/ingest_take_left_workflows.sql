create or replace function ingest.ingest_take_left_workflows(p_limit int) returns setof uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- The lock keeps a retry from coming between the look at what has ended and DBOS's delete.
begin
  return query
    with taken as materialized (
      select l.request_id from ingest.ingest_left_workflows l
      where not exists (select from ingest.ingest_requests r where r.id = l.request_id and r.finished_at is null)
      order by l.request_id limit p_limit for update skip locked
    ), locked as materialized (
      select r.id, r.finished_at from ingest.ingest_requests r where r.id in (select t.request_id from taken t) order by r.id for no key update skip locked
    )
    select distinct t.request_id from taken t left join locked k on k.id = t.request_id
    where k.finished_at is not null or not exists (select from ingest.ingest_requests r where r.id = t.request_id);
end
$$;

comment on function ingest.ingest_take_left_workflows(int) is
  'Requests that have ended, or are gone, whose workflows are to be deleted; locked until the transaction ends.';
