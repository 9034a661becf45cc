create or replace function ingest.ingest_check_fired(p_request ingest.ingest_requests) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_watch ingest.ingest_watch_store;
begin
  -- Only ingest_fire writes the id into the watch, in this transaction: an id that was used before can't be inserted again.
  select w.* into v_watch from ingest.ingest_watch_store w where w.name = p_request.watch and w.request_id = p_request.id;
  if not found or (p_request.submitted_by, p_request.created_by) is distinct from (v_watch.created_by, v_watch.created_by)
     or p_request.collection is distinct from v_watch.collection then
    raise exception 'an INSERT into ingest_requests sets columns that belong to the system'
      using errcode = 'IG005', constraint = 'system_column', hint = 'Only watches set the column watch: see ingest_watch.';
  elsif not exists (select from pg_roles r where r.rolname = v_watch.created_by) then
    raise exception 'role "%", which created watch "%", no longer exists', v_watch.created_by, v_watch.name
      using errcode = 'IG040', constraint = 'not_granted', hint = 'Create the watch again as another role: ingest_watch(…) with the same name.';
  elsif not ingest.ingest_role_may(v_watch.created_by, 'submit'::text, v_watch.collection) then
    raise exception 'role "%", which created watch "%", may no longer submit to collection "%"', v_watch.created_by, v_watch.name, v_watch.collection
      using errcode = 'IG040', constraint = 'not_granted',
            hint = format('The owner of the schema can grant it: select ingest.ingest_grant(%L, ''submitter'', %L);', v_watch.created_by, v_watch.collection);
  end if;
  return v_watch.created_by;
end
$$;

comment on function ingest.ingest_check_fired(ingest.ingest_requests) is
  'Who made the watch that inserts a request. IG005 if none does, IG040 if its maker may not submit to the collection any more.';
