create or replace function ingest.ingest_check_listens() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from ingest.ingest_listeners l where ingest.ingest_seems_alive(l)) then
    raise exception 'no listener is running that could embed the query'
      using errcode = 'IG032', constraint = 'no_listener',
            hint = 'Start one with: ingest listen. Without it, ingest_search searches by words.';
  end if;
end
$$;

comment on function ingest.ingest_check_listens() is 'Raises IG032 if no listener gives a sign of life.';
