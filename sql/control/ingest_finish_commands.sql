create or replace function ingest.ingest_finish_commands(p_ids bigint[], p_outcomes text[], p_executor text) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_commands c set done_at = ingest.ingest_now(), executor_id = p_executor, outcome = o.outcome
  from unnest(p_ids, p_outcomes) as o (id, outcome) where c.id = o.id;
$$;

comment on function ingest.ingest_finish_commands(bigint[], text[], text) is 'Records the outcome of commands that a listener took.';
