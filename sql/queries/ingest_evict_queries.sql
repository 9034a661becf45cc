create or replace function ingest.ingest_evict_queries(p_keep int) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_evicted int;
begin
  delete from ingest.ingest_queries q where q.embedding is null and q.wanted_until < ingest.ingest_now();  -- asked before a migration
  with old as (
    select q.space_id, q.hash from ingest.ingest_queries q
    where q.wanted_until < ingest.ingest_now()  -- those who wait look at their answer first
    order by q.used_at limit greatest((select count(*) from ingest.ingest_queries) - p_keep, 0) for update skip locked
  )
  delete from ingest.ingest_queries q using old where q.space_id = old.space_id and q.hash = old.hash;
  get diagnostics v_evicted = row_count;
  return v_evicted;
end
$$;

comment on function ingest.ingest_evict_queries(int) is 'Removes the least recently used queries beyond that number; returns how many.';
