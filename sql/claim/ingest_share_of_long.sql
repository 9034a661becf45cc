create or replace function ingest.ingest_share_of_long(p_executor text, out most int, out waiting int) returns record
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- Each of n listeners carries an n-th of what runs and waits. Those that can't have all of it (other roots, other steps) are
-- not counted.
declare
  v_listeners int;
  v_running int;
  v_ours int;
begin
  select count(*) into v_listeners from ingest.ingest_listeners l join ingest.ingest_listeners o on o.executor_id = p_executor
  where ingest.ingest_seems_alive(l) and l.queue = o.queue and l.pipeline = o.pipeline;
  if v_listeners <= 1 then
    return;
  end if;
  select count(*), count(*) filter (where r.executor_id = p_executor) into v_running, v_ours
  from ingest.ingest_requests r where r.status = 'running' and r.resume_at is null;
  select count(*) into waiting from (
    select from ingest.ingest_requests r where r.status = 'pending' and r.due and ingest.ingest_is_long(r) = true
    limit 16 * v_listeners) w;
  most := greatest(0, ceil((v_running + waiting) / v_listeners::float8)::int - v_ours);
end
$$;

comment on function ingest.ingest_share_of_long(text) is
  'How many of the long requests that wait a listener may take, so that the others get theirs, and how many wait, as far as they '
  'matter. Nulls: it is alone.';
