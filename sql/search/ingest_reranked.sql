create or replace function ingest.ingest_reranked(p_hits ingest.ingest_hit_v2[], p_query text) returns setof ingest.ingest_hit_v2
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with hit as (
    select h.*
    from unnest(p_hits) with ordinality as h (uri, title, ordinal, text, score, metadata, revision_id, by, words_place, vector_place, collection, place)
  ), known as (
    select h.place, k.score, row_number() over (order by h.place) as slot, row_number() over (order by k.score desc, h.place) as nth
    from (select a.collection, array_agg(a.revision_id) as revisions, array_agg(a.ordinal) as ordinals from hit a group by 1) c
    cross join lateral ingest.ingest_rerank_scores(p_query, c.collection, c.revisions, c.ordinals) k
    join hit h on h.revision_id = k.revision_id and h.ordinal = k.ordinal
    where k.score is not null
  )
  -- Hits of which nothing is known stay at their places; the others share out theirs.
  select h.uri, h.title, h.ordinal, h.text, coalesce(k.score, h.score), h.metadata, h.revision_id,
         case when k.place is not null then 'reranked' else h.by end, h.words_place, h.vector_place, h.collection
  from hit h left join known k on k.place = h.place left join known s on s.slot = k.nth
  order by coalesce(s.place, h.place);
$$;

comment on function ingest.ingest_reranked(ingest.ingest_hit_v2[], text) is
  'Hits in the order of a re-ranker''s scores, as far as these are known: by is ''reranked'' then.';
