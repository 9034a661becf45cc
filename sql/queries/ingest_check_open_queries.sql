create or replace function ingest.ingest_check_open_queries() returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_bitmapscan = off
as $$
declare
  v_caller name := ingest.ingest_caller();
  v_most int := coalesce(
    (select l.max_queries from ingest.ingest_limits l where l.role in (v_caller, '') order by l.role = '' limit 1), 1000);
  -- Late ones count until they are deleted: otherwise a timeout of 0 would bypass the limit.
  v_late timestamptz := ingest.ingest_now() - interval '5 seconds';
  v_open int;
begin
  -- Most of what the index holds was answered just now: only a plain index scan notes which, for the next one to pass by.
  select count(*) into v_open from (
    (select from ingest.ingest_questions q where q.asked_by = v_caller and q.wanted_until > v_late limit v_most)
    union all
    (select from ingest.ingest_rerank_questions q where q.asked_by = v_caller and q.wanted_until > v_late limit v_most)) o;
  if v_open >= v_most then
    raise exception 'role "%" has % queries open', v_caller, v_open
      using errcode = 'IG032', constraint = 'too_many_queries',
            hint = 'Call again when some have been answered; meanwhile, ingest_search searches by words. '
                   'The owner can raise it: select ingest_limit(role, ''{"max_queries": n}'').';
  end if;
end
$$;

comment on function ingest.ingest_check_open_queries() is 'Raises IG032 if the caller has as many open questions as it may.';
