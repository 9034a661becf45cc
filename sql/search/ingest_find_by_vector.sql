create or replace function ingest.ingest_find_by_vector(p_each ingest.ingest_wanted_v1[]) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if cardinality(p_each) = 1 then
    return query select * from ingest.ingest_find_nearest(p_each[1]);
    return;
  end if;
  return query
    with space as (
      select count(distinct c.space_id) > 1 as are_several from unnest(p_each) e join ingest.ingest_collections c on c.name = e.collection
    ), found as (
      select h.*, case when s.are_several then h.vector_place else 1 - h.score end as distance
      from unnest(p_each) e cross join space s cross join lateral ingest.ingest_find_nearest(e) h
      where e.embedding is not null
    )
    select f.uri, f.title, f.ordinal, null::text, f.score, null::jsonb, f.revision_id, f.by, null::int, (rank() over (order by f.distance))::int, f.collection
    from found f order by f.distance, f.uri, f.ordinal limit p_each[1].k;
end
$$;

comment on function ingest.ingest_find_by_vector(ingest.ingest_wanted_v1[]) is
  'Vector search of collections, nearest first. Distances in different spaces can''t be compared: then the best of each comes first, then the second of each.';
