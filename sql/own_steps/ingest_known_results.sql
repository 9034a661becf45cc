create or replace function ingest.ingest_known_results(p_fence ingest.ingest_fence_v1, p_revisions bigint[], p_keys bytea[])
returns table (place int, result jsonb)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- What is used here lasts as long as this revision, too.
begin
  perform ingest.ingest_check_writer(p_fence);
  return query
    with wanted as materialized (
      select w.revision, w.key, w.place::int as place from unnest(p_revisions, p_keys) with ordinality as w (revision, key, place)
    ), known as materialized (
      select w.revision, w.key, w.place, k.result from wanted w
      cross join lateral (select s.result from ingest.ingest_step_results s where s.key = w.key limit 1) k
    ), used as (
      insert into ingest.ingest_step_results (revision_id, key, result)
      select k.revision, k.key, k.result from known k order by k.revision, k.key on conflict do nothing
    )
    select k.place, k.result from known k;
end
$$;

comment on function ingest.ingest_known_results(ingest.ingest_fence_v1, bigint[], bytea[]) is
  'What own steps have made before of what they would be given now, by its place; of the others nothing.';
