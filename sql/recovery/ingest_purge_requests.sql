create or replace function ingest.ingest_purge_requests(p_age interval, p_limit int) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
-- From the oldest on, by the index of what has ended, looking up whether something refers to it. What it brought stays, its id
-- stays used.
declare
  v_purged int;
begin
  with old as materialized (
    select r.id from ingest.ingest_requests r
    where r.finished_at < (select ingest.ingest_now()) - p_age
      and not exists (select from ingest.ingest_requests f where f.forked_from = r.id and f.finished_at is null)
      and not exists (select from ingest.ingest_watch_store w where w.request_id = r.id)
      and not exists (select from ingest.ingest_archives a where a.request_id = r.id)
      and not exists (select from ingest.ingest_commands c where c.request_id = r.id and c.done_at is null)
    order by r.finished_at limit p_limit for update of r skip locked
  )
  delete from ingest.ingest_requests r using old where r.id = old.id;
  get diagnostics v_purged = row_count;
  return v_purged;
end
$$;

comment on function ingest.ingest_purge_requests(interval, int) is
  'Deletes requests that ended longer ago than that, with their manifests, and returns how many; not those that a watch, an archive''s state, an '
  'unfinished fork or an open command refers to.';
