create or replace function ingest.ingest_switch_due(p_request uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- What can't be replaced just now is tried again a minute later.
declare
  v_one ingest.ingest_generations;
begin
  for v_one in
    select g.* from ingest.ingest_generations g
    where g.state = 'building' and g.automatic and (p_request is null or g.request_id = p_request)
    for no key update skip locked
  loop
    if not exists (select from ingest.ingest_index_store s where s.collection = v_one.collection and s.generation = v_one.generation) then
      perform ingest.ingest_count_chunks(true);
    end if;
    if ingest.ingest_switch_waits_for(v_one, false) is null then
      begin
        perform ingest.ingest_make_live(v_one.collection, v_one.generation);
      exception when sqlstate 'IG045' then
        raise warning 'generation % of collection %: %', v_one.generation, v_one.collection, sqlerrm;
      end;
    end if;
  end loop;
end
$$;

comment on function ingest.ingest_switch_due(uuid) is
  'Makes generations live that are complete, and whose index stands, unless that was left to somebody. Null: of all requests.';
