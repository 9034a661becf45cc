create or replace function ingest.ingest_purge_commands(p_age interval, p_limit int) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_purged int;
begin
  with old as materialized (
    select c.id from ingest.ingest_commands c where c.done_at < (select ingest.ingest_now()) - p_age
    order by c.id limit p_limit for update skip locked
  )
  delete from ingest.ingest_commands c using old where c.id = old.id;
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

comment on function ingest.ingest_purge_commands(interval, int) is 'Deletes commands that were carried out longer ago than that; returns how many.';
