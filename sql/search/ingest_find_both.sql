create or replace function ingest.ingest_find_both(
  p_query text, p_embedding vectors.vector, p_collection text, p_k int, p_filter jsonb, p_principals text[]
)
returns table (uri text, title text, ordinal int, text text, score float8, metadata jsonb, revision_id bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_depth int := greatest(100, p_k, 4 * least(p_k, 100000));
begin
  -- Reciprocal rank fusion: places, not scores, since a rank of words and a cosine can't be compared. Equals share a place.
  return query
    with words as (
      select w.*, 1.0::float8 / (60 + rank() over (order by w.score desc)) as share
      from ingest.ingest_find_words(p_query, p_collection, v_depth, p_filter, p_k, p_principals) w
    ), nearest as (
      select n.*, 1.0::float8 / (60 + rank() over (order by n.score desc)) as share
      from ingest.ingest_find_nearest(p_embedding, p_collection, v_depth, p_filter, p_principals) n
    )
    select coalesce(w.uri, n.uri), coalesce(w.title, n.title), ordinal, coalesce(w.text, n.text),
           coalesce(w.share, 0) + coalesce(n.share, 0), coalesce(w.metadata, n.metadata), revision_id
    from words w full join nearest n using (revision_id, ordinal)
    order by 5 desc, 1, 3 limit p_k;
end
$$;

comment on function ingest.ingest_find_both(text, vectors.vector, text, int, jsonb, text[]) is
  'Full-text and vector search over live chunks, fused: score = the sum of 1 / (60 + place) in each, at most 0.0328.';
