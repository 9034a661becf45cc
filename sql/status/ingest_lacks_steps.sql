create or replace function ingest.ingest_lacks_steps(p_request ingest.ingest_requests) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_steps jsonb := coalesce(
    p_request.settings -> 'steps', (select c.steps from ingest.ingest_collections c where c.name = p_request.collection and p_request.settings is null));
  v_nobodys text;
begin
  if v_steps is null or v_steps = '[]'
     or not (ingest.ingest_may('submit'::text, p_request.collection) or ingest.ingest_may('operate'::text, p_request.collection))
     or exists (
       select from ingest.ingest_listeners l
       where ingest.ingest_seems_alive(l) and ingest.ingest_has_steps(ingest.ingest_step_marks(l.steps), v_steps)
         and (p_request.source is null or ingest.ingest_has_root(l.roots, ingest.ingest_locator(p_request)))) then
    return null;
  end if;
  select string_agg(format('"%s"', s.one ->> 'name'), ', ') into v_nobodys from jsonb_array_elements(v_steps) as s (one)
  where not exists (
    select from ingest.ingest_listeners l
    where ingest.ingest_seems_alive(l) and l.steps ? (s.one ->> 'name'));
  return case when v_nobodys is null
    then 'step: no running listener that may read its source has all of the collection''s own steps; install their packages beside it, and start it anew'
    else format('step: no running listener has the own step %s of collection "%s"; install its package where one runs, and start that anew: ingest listen',
                v_nobodys, p_request.collection) end;
end
$$;

comment on function ingest.ingest_lacks_steps(ingest.ingest_requests) is
  'For a request whose own steps no living listener has that may read its source: what it waits for. Null also for who has no right on its collection.';
