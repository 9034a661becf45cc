create or replace function ingest.ingest_find_by_words(p_each ingest.ingest_wanted_v1[], p_enough int) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if cardinality(p_each) = 1 then
    return query select * from ingest.ingest_find_words(p_each[1], p_enough);
    return;
  end if;
  return query
    select h.uri, h.title, h.ordinal, null::text, h.score, null::jsonb, h.revision_id, h.by, (rank() over (order by h.score desc))::int, null::int, h.collection
    from unnest(p_each) e cross join lateral ingest.ingest_find_words(e, p_enough) h
    order by h.score desc, h.uri, h.ordinal limit p_each[1].k;
end
$$;

comment on function ingest.ingest_find_by_words(ingest.ingest_wanted_v1[], int) is
  'Full-text search of collections, best first: their scores can be compared, since each says how rare the words are where they were found.';
