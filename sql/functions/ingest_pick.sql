create or replace function ingest_pick(p_limit int, p_roots text[]) returns uuid[]
language sql set search_path from current
as $$
  select coalesce(array_agg(due.id), '{}') from (
    select r.id from ingest_requests r
    where r.status = 'pending' and r.due and not r.limited
      and (r.local_path is null or ingest_has_root(p_roots, r.local_path))
    order by r.priority, r.created_at, r.id limit p_limit
    for update skip locked) due;
$$;

comment on function ingest_pick(int, text[]) is 'Locks the next due requests of collections without a limit.';
