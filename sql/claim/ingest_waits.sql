create or replace function ingest.ingest_waits(p_long boolean, p_priority int, p_submitter text, p_collection text, p_folders text[], p_picked uuid[])
returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if ingest.ingest_is_barred(p_collection, p_folders) then
    return false;
  end if;
  -- No EXISTS: with an hour-old count of what is due it would read the table.
  return coalesce((
    select true from ingest.ingest_requests r
    where r.status = 'pending' and r.due and ingest.ingest_is_long(r) = p_long and r.priority = p_priority
      and coalesce(r.submitted_by, r.created_by) = p_submitter and r.collection = p_collection
      and r.id <> all (p_picked) and (ingest.ingest_locator(r) is null or ingest.ingest_locator(r) || '/' ^@ any (p_folders))
      and ingest.ingest_may_carry(r, p_folders)
    order by r.created_at limit 1), false);
end
$$;

comment on function ingest.ingest_waits(boolean, int, text, text, text[], uuid[]) is
  'Whether a request waits there that a listener with these folders may claim, locked by others or not. p_picked: all but these.';
