create or replace function ingest.ingest_check_priority(p_priority int) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller name := ingest.ingest_caller();
  v_floor int := (
    select l.min_priority from ingest.ingest_limits l where l.role in (v_caller, '') order by l.role desc limit 1);
begin
  if p_priority < v_floor and not ingest.ingest_may('operate'::text, ''::text) then
    raise exception 'priority % is more urgent than role "%" may set', p_priority, v_caller
      using errcode = 'IG043', constraint = 'priority_too_urgent',
            hint = format('Give %s or more; an operator of all collections may go below.', v_floor);
  end if;
end
$$;

comment on function ingest.ingest_check_priority(int) is
  'Raises IG043 for a priority below the caller''s floor. Operators of all collections and the owner have none.';
