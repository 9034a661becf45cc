create or replace function ingest.ingest_take_cancels(p_limit int)
returns table (id bigint, request_id uuid, stands boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- The request's lock keeps a resume from coming between the look at its status and the cancel in DBOS.
-- One that another session holds keeps no other from being cancelled: it is taken later.
begin
  return query
    with taken as materialized (
      select c.id, c.request_id from ingest.ingest_commands c where c.done_at is null order by c.id limit 10 * p_limit for update skip locked
    ), locked as materialized (
      select r.id, r.status from ingest.ingest_requests r where r.id in (select t.request_id from taken t) order by r.id for no key update skip locked
    )
    select t.id, t.request_id, coalesce(l.status = 'cancelled', true) from taken t left join locked l on l.id = t.request_id
    where l.id is not null or not exists (select from ingest.ingest_requests r where r.id = t.request_id)
    order by t.id limit p_limit;
end
$$;

comment on function ingest.ingest_take_cancels(int) is
  'Locks open commands and their requests, until the transaction ends; stands: the request is still cancelled.';
