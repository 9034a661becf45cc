create or replace function ingest.ingest_maintains(p_executor text, p_error text) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_listeners l set maintains = p_error is null, maintenance_error = p_error
  where l.executor_id = p_executor and (l.maintains, l.maintenance_error) is distinct from (p_error is null, p_error);
$$;

comment on function ingest.ingest_maintains(text, text) is 'Notes whether a listener can make indexes, as the owner: why it can not, or null.';
