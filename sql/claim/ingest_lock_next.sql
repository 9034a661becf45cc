create or replace function ingest.ingest_lock_next(
  p_long boolean, p_priority int, p_submitter text, p_collection text, p_from timestamptz, p_most int, p_folders text[],
  p_picked uuid[]
) returns uuid[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if ingest.ingest_is_barred(p_collection, p_folders) then
    return '{}';
  end if;
  return array(
    select r.id from ingest.ingest_requests r
    where r.status = 'pending' and r.due and ingest.ingest_is_long(r) = p_long and r.priority = p_priority
      and coalesce(r.submitted_by, r.created_by) = p_submitter and r.collection = p_collection and r.created_at >= p_from
      and r.id <> all (p_picked)  -- our own locks are not skipped
      and (ingest.ingest_locator(r) is null or ingest.ingest_locator(r) || '/' ^@ any (p_folders))
      and ingest.ingest_may_carry(r, p_folders)
    order by r.created_at, r.id limit p_most
    for update skip locked);
end
$$;

comment on function ingest.ingest_lock_next(boolean, int, text, text, timestamptz, int, text[], uuid[]) is
  'Locks the oldest requests of a submitter in a collection, from a time of insertion on. p_folders: see ingest_folders; '
  'p_picked: locked before.';
