create or replace function ingest.ingest_lacks_root(p_collection text, p_locator text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- As the caller, like ingest_waiting_for.
declare
  v_root text := ingest.ingest_root_for(p_locator);
  v_other text;
begin
  select o.locator into v_other
  from (values (regexp_replace(p_locator, '^(https?://)localhost(?=[:/]|$)', E'\\1127.0.0.1')),
               (regexp_replace(p_locator, '^(https?://)127[.]0[.]0[.]1(?=[:/]|$)', E'\\1localhost')),
               (regexp_replace(p_locator, '^http://', 'https://')), (regexp_replace(p_locator, '^https://', 'http://'))) as o (locator)
  where o.locator <> p_locator and (ingest.ingest_places(p_collection, o.locator, null::text)).reachable > 0 limit 1;
  return format('root: no running listener has a root that contains %s; ', p_locator)
    || case when v_other is not null then format('one has a root that contains %s: write it so, if that is the same', v_other)
            when v_root is null then 'start one with a folder above it in INGEST_ROOTS'
            else format('start one that may read it: INGEST_ROOTS=%s ingest listen',
                        case when v_root ~ '^[A-Za-z0-9_@%+=:,./-]+$' then v_root else quote_literal(v_root) end) end;
end
$$;

comment on function ingest.ingest_lacks_root(text, text) is
  'For a source that no living listener may read: what it waits for, with the root that would do, or the other name by which one may.';
