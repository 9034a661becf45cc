create or replace function ingest.ingest_find_both(p_each ingest.ingest_wanted_v1[]) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_asked ingest.ingest_wanted_v1 := p_each[1];
  v_deep ingest.ingest_wanted_v1[] := p_each;
  v_titled bigint[] := array(select unnest(ingest.ingest_titled(e.collection, e.query)) from unnest(p_each) e);
begin
  for i in 1 .. cardinality(v_deep) loop
    v_deep[i].k := greatest(100, v_asked.k, 4 * least(v_asked.k, 100000));
  end loop;
  -- Reciprocal rank fusion: places, not scores, since a rank of words and a cosine can't be compared. Equals share a place.
  -- To have the query as title counts as one more list by words, in which a document's best chunk is the first.
  return query
    with fused as (
      select coalesce(w.uri, n.uri) as uri, coalesce(w.title, n.title) as title, ordinal,
             coalesce(v_asked.words_weight / (60 + w.words_place), 0) + coalesce(v_asked.vector_weight / (60 + n.vector_place), 0) as score,
             revision_id,
             case when n.uri is null then w.by when w.uri is null then 'vector' else 'both' end as by, w.words_place, n.vector_place,
             coalesce(w.collection, n.collection) as collection
      from ingest.ingest_find_by_words(v_deep, v_asked.k) w
      full join ingest.ingest_find_by_vector(v_deep) n using (revision_id, ordinal)
    ), kept as (
      select f.*, row_number() over (partition by f.revision_id order by f.score desc, f.ordinal) as nth from fused f
    )
    select k.uri, k.title, k.ordinal, null::text,
           k.score + case when k.nth = 1 and k.revision_id = any (v_titled) then v_asked.words_weight / 61 else 0 end,
           null::jsonb, k.revision_id, k.by, k.words_place, k.vector_place, k.collection
    from kept k where v_asked.per_document is null or k.nth <= v_asked.per_document
    order by 5 desc, k.uri, k.ordinal limit v_asked.k;
end
$$;

comment on function ingest.ingest_find_both(ingest.ingest_wanted_v1[]) is
  'Full-text and vector search over live chunks, fused: score = the sum of weight / (60 + place) in each, and a weight / 61 more for a document whose title is the query.';
