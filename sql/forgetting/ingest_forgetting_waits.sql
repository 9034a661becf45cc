create or replace function ingest.ingest_forgetting_waits() returns table (orders boolean, workflows boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select exists (select from ingest.ingest_forget_orders o where o.done_at is null), exists (select from ingest.ingest_left_workflows);
$$;

comment on function ingest.ingest_forgetting_waits() is 'Whether something was ordered to be forgotten, or workflows are to be deleted: one look, most of the time in vain.';
