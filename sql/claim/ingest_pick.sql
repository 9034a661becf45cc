create or replace function ingest.ingest_pick(p_limit int, p_folders text[], p_priority int, p_created_at timestamptz) returns uuid[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_sort = off
as $$
-- One plan, kept by the session: making it takes longer than following it. It goes along the index, however small the table
-- was when it was made, and however large it has become.
begin
  return (select coalesce(array_agg(due.id), '{}') from (
    select r.id from ingest.ingest_requests r
    where r.status = 'pending' and r.due and not r.limited and (r.priority, r.created_at) >= (p_priority, p_created_at)
      and (ingest.ingest_locator(r) is null or ingest.ingest_locator(r) || '/' ^@ any (p_folders))
    order by r.priority, r.created_at, r.id limit p_limit
    for update skip locked) due);
end
$$;

comment on function ingest.ingest_pick(int, text[], int, timestamptz) is
  'Locks the next due requests of collections without a limit, from a place in the line on. p_folders: see ingest_folders.';
