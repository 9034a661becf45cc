create or replace function ingest.ingest_steps_not_counted(p_request ingest.ingest_requests) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select jsonb_agg(s.one -> 'name' order by s.place)
  from jsonb_array_elements(p_request.settings -> 'steps') with ordinality as s (one, place)
  join ingest.ingest_listeners l on l.executor_id = p_request.executor_id
  where (l.steps -> (s.one ->> 'name') ->> 'paid')::boolean;
$$;

comment on function ingest.ingest_steps_not_counted(ingest.ingest_requests) is
  'The paid own steps of a plan: it does not run them, so what they would cost is not in it. Null: there are none.';
