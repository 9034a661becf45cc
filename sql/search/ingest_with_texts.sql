create or replace function ingest.ingest_with_texts(p_hits ingest.ingest_hit_v2[]) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- Not in SQL: that would be planned at each call.
begin
  return query
  select h.uri, h.title, h.ordinal, c.text, h.score, c.metadata, h.revision_id, h.by, h.words_place, h.vector_place, h.collection
  from unnest(p_hits) with ordinality as h (uri, title, ordinal, text, score, metadata, revision_id, by, words_place, vector_place, collection, place)
  join ingest.ingest_collections k on k.name = h.collection
  -- Limited, it is read from the key, however many hits the planner expects.
  cross join lateral (
    select s.text, s.metadata from ingest.ingest_chunk_store s
    where s.revision_id = h.revision_id and s.generation = k.generation and s.ordinal = h.ordinal limit 1) c
  order by h.place;
end
$$;

comment on function ingest.ingest_with_texts(ingest.ingest_hit_v2[]) is
  'Hits with their texts and metadata, in their order: read for those that are returned, not for all that were looked at.';
