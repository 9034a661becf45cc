create or replace function ingest.ingest_places(
  p_collection text, p_locator text, p_executor text, out alive int, out free int, out reachable int, out executes boolean, out most int,
  out running int
) returns record
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if not ingest.ingest_may_follow(p_collection) then
    return;
  end if;
  select count(*), count(*) filter (where l.running < l.capacity),
         count(*) filter (where p_locator is null or ingest.ingest_has_root(l.roots, p_locator)),
         coalesce(bool_or(l.executor_id = p_executor), false)
  into alive, free, reachable, executes
  from ingest.ingest_listeners l where ingest.ingest_seems_alive(l);
  select c.max_running into most from ingest.ingest_collections c where c.name = p_collection;
  if most is not null then
    running := ingest.ingest_running_in(p_collection);
  end if;
end
$$;

comment on function ingest.ingest_places(text, text, text) is
  'How many listeners are alive, have a free place, and can read what lies there; whether one of them executes; most requests of a '
  'collection at a time, and how many run. Nulls for who has no right on the collection.';
