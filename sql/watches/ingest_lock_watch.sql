create or replace function ingest.ingest_lock_watch(p_watch text) returns ingest.ingest_watch_store
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_watch ingest.ingest_watch_store;
begin
  select w.* into v_watch from ingest.ingest_watch_store w
  where w.name = p_watch and (w.created_by = ingest.ingest_caller()::text or ingest.ingest_may('operate'::text, w.collection)) for update;
  if not found then
    raise exception 'there is no watch "%"', left(p_watch, 200)
      using errcode = 'IG050', constraint = 'unknown_watch', hint = 'See select name, source, collection from ingest_watches.';
  end if;
  return v_watch;
end
$$;

comment on function ingest.ingest_lock_watch(text) is
  'The watch of that name, locked: for its maker and who operates its collection. IG050 if there is none that the caller may control.';
