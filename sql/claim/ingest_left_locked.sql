create or replace function ingest.ingest_left_locked(p_roots text[]) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Asked after a claim that found nothing: what could be claimed all the same was skipped, since somebody has locked the
-- row, as a command or an application does. Nobody rings when such a lock goes: the listener has to look again.
begin
  -- Each (select … limit 1) reads one row of an index; EXISTS became a join over all of a full collection's rows.
  return coalesce((
      select true from ingest.ingest_requests r
      where r.status = 'pending' and r.due and not r.limited
        and (ingest.ingest_locator(r) is null or ingest.ingest_has_root(p_roots, ingest.ingest_locator(r)))
      limit 1), false)
    or coalesce((
      select true from ingest.ingest_lanes() l
      where least(l.of_collection, l.of_submitter) > 0 and coalesce((
          select true from ingest.ingest_requests n
          where n.status = 'pending' and n.due and n.limited and n.collection = l.collection
            and coalesce(n.submitted_by, n.created_by) = l.submitter
            and (ingest.ingest_locator(n) is null or ingest.ingest_has_root(p_roots, ingest.ingest_locator(n)))
          limit 1), false)
      limit 1), false);
end
$$;

comment on function ingest.ingest_left_locked(text[]) is
  'Whether requests are left that a listener with these folders may claim: somebody has locked their rows.';
