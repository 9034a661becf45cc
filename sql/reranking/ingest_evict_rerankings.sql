create or replace function ingest.ingest_evict_rerankings(p_keep int) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_evicted int;
begin
  with old as (
    select r.hash from ingest.ingest_rerankings r
    order by r.scored_at limit greatest((select count(*) from ingest.ingest_rerankings) - p_keep, 0) for update skip locked
  )
  delete from ingest.ingest_rerankings r using old where r.hash = old.hash;
  get diagnostics v_evicted = row_count;
  return v_evicted;
end
$$;

comment on function ingest.ingest_evict_rerankings(int) is 'Removes the queries that were scored longest ago beyond that number, with their scores; returns how many.';
