create or replace function ingest.ingest_say_noticing(p_executor text, p_watches text[], p_how text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Entries that it does not name are removed, and so are those of listeners that are gone. Nobody waits for a locked row: it is repeated.
declare
  v_alive text[] := array(
    select l.executor_id from ingest.ingest_listeners l where ingest.ingest_seems_alive(l));
begin
  update ingest.ingest_watch_store w
  set noticing = nullif(
    coalesce((select jsonb_object_agg(n.key, n.value) from jsonb_each(w.noticing) n where n.key = any (v_alive) and n.key <> p_executor), '{}')
    || coalesce((select jsonb_build_object(p_executor, s.how) from unnest(p_watches, p_how) as s (name, how) where s.name = w.name), '{}'), '{}')
  where w.name in (
    select o.name from ingest.ingest_watch_store o
    where (o.noticing ->> p_executor) is distinct from (select s.how from unnest(p_watches, p_how) as s (name, how) where s.name = o.name)
    order by o.name for update skip locked);
end
$$;

comment on function ingest.ingest_say_noticing(text, text[], text[]) is
  'Writes down how a listener notices changes of these watches (events, polling: why, missing: what), and that it does for no others.';
