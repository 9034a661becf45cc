create or replace function ingest_begin(p_request uuid, p_executor text) returns ingest_requests
language plpgsql set search_path from current
as $$
declare
  v_request ingest_requests;
begin
  perform ingest_as_system();
  select r.* into v_request from ingest_requests r where r.id = p_request for no key update;
  if v_request.status is distinct from 'running'
     or not exists (select from ingest_listeners l where l.executor_id = p_executor and l.dead_at is null) then
    return null;
  end if;
  if v_request.executor_id <> p_executor then
    update ingest_requests r set executor_id = p_executor where r.id = p_request;
  end if;
  return v_request;
end
$$;

comment on function ingest_begin(uuid, text) is
  'The request, if it is running and the listener is alive, else null: the first thing that its workflow asks.';
