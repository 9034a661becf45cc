create or replace function ingest.ingest_check_planned(p_request ingest.ingest_requests) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- Of a fork not: its plan may have been deleted since. Which of the three is wrong is not said: ids of others are not to be found out.
begin
  if p_request.options ? 'planned' and p_request.forked_from is null and not exists (
       select from ingest.ingest_requests r
       where r.id = (p_request.options ->> 'planned')::uuid and ingest.ingest_is_plan(r)
         and r.collection = p_request.collection and r.source is not distinct from p_request.source) then
    raise exception 'option "planned" is "%", and no plan of this source in collection "%" has that id', p_request.options ->> 'planned', p_request.collection
      using errcode = 'IG004', constraint = 'wrong_option_type',
            hint = 'Give the id of a plan that was made of the same source in the same collection, or leave "planned" out.';
  end if;
end
$$;

comment on function ingest.ingest_check_planned(ingest.ingest_requests) is 'Raises IG004 where options.planned is no plan of the same source and collection.';
