create or replace function ingest.ingest_release(p_owner uuid, p_reservations bigint[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  delete from ingest.ingest_reservations v where v.owner = p_owner and (p_reservations is null or v.id = any (p_reservations));
$$;

comment on function ingest.ingest_release(uuid, bigint[]) is 'Gives back what an execution has reserved; null: all of it.';
