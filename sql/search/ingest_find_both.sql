create or replace function ingest.ingest_find_both(
  p_query text, p_embedding vectors.vector, p_collection text, p_k int, p_filter jsonb, p_principals text[], p_under text, p_per_document int
) returns setof ingest.ingest_hit_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_depth int := greatest(100, p_k, 4 * least(p_k, 100000));
  v_titled bigint[] := ingest.ingest_titled(p_collection, p_query);
begin
  -- Reciprocal rank fusion: places, not scores, since a rank of words and a cosine can't be compared. Equals share a place.
  -- To have the query as title counts as one more list in which a document's best chunk is the first.
  return query
    with fused as (
      select coalesce(w.uri, n.uri) as uri, coalesce(w.title, n.title) as title, ordinal, coalesce(w.text, n.text) as text,
             coalesce(1.0::float8 / (60 + w.words_place), 0) + coalesce(1.0::float8 / (60 + n.vector_place), 0) as score,
             coalesce(w.metadata, n.metadata) as metadata, revision_id,
             case when n.uri is null then 'words' when w.uri is null then 'vector' else 'both' end as by, w.words_place, n.vector_place
      from ingest.ingest_find_words(p_query, p_collection, v_depth, p_filter, p_k, p_principals, p_under, p_per_document) w
      full join ingest.ingest_find_nearest(p_embedding, p_collection, v_depth, p_filter, p_principals, p_under, p_per_document) n
        using (revision_id, ordinal)
    ), kept as (
      select f.*, row_number() over (partition by f.revision_id order by f.score desc, f.ordinal) as nth from fused f
    )
    select k.uri, k.title, k.ordinal, k.text, k.score + case when k.nth = 1 and k.revision_id = any (v_titled) then 1.0::float8 / 61 else 0 end,
           k.metadata, k.revision_id, k.by, k.words_place, k.vector_place
    from kept k where p_per_document is null or k.nth <= p_per_document
    order by 5 desc, k.uri, k.ordinal limit p_k;
end
$$;

comment on function ingest.ingest_find_both(text, vectors.vector, text, int, jsonb, text[], text, int) is
  'Full-text and vector search over live chunks, fused: score = the sum of 1 / (60 + place) in each, at most 0.0328, and 1 / 61 more for a document whose title is the query.';
