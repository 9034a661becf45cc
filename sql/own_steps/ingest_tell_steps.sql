create or replace function ingest.ingest_tell_steps(p_executor text, p_steps jsonb) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_listeners l set steps = p_steps where l.executor_id = p_executor;
$$;

comment on function ingest.ingest_tell_steps(text, jsonb) is 'Says which own steps a listener has; from then on it gets requests that need them.';
