create or replace function ingest.ingest_take_changes(p_table ingest.ingest_watched_tables, p_most int) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- By row lock: what a transaction committed late is found like any other, whatever came before it.
declare
  v_taken int;
begin
  with waiting as materialized (
    select array(select c.ctid from ingest.ingest_changes c where c.watch = p_table.number limit p_most for update skip locked) as places
  ), taken as (
    delete from ingest.ingest_changes c using waiting w where c.ctid = any (w.places) returning c.keys
  ), kept as (
    insert into ingest.ingest_changed_keys (watch, key)
    select distinct p_table.number, case when cardinality(p_table.key) = 1 then array[k.key]
                                         else array(select jsonb_array_elements_text(k.key::jsonb)) end
    from taken t cross join unnest(t.keys) as k (key)
  )
  select count(*) into v_taken from taken;
  if v_taken < p_most then
    perform setval(format('ingest.ingest_counted_%s', p_table.number)::regclass, 0);
  end if;
  return v_taken;
end
$$;

comment on function ingest.ingest_take_changes(ingest.ingest_watched_tables, int) is
  'Moves waiting changes of a watch to the keys that its next request reads; returns how many there were.';
