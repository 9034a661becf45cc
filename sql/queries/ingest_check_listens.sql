create or replace function ingest.ingest_check_listens() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_restored text;
begin
  if not exists (select from ingest.ingest_listeners l where ingest.ingest_seems_alive(l)) then
    v_restored := ingest.ingest_restored();
    raise exception 'no listener is running that could embed the query'
      using errcode = 'IG032', constraint = 'no_listener',
            hint = coalesce(
              format('None works in a restored database: %s. Look at it, then: select ingest_confirm_restore(). Until then, ingest_search searches by words.', v_restored),
              'Start one with: ingest listen. Without it, ingest_search searches by words.');
  end if;
end
$$;

comment on function ingest.ingest_check_listens() is 'Raises IG032 if no listener gives a sign of life.';
