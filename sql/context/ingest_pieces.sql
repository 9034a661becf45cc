create or replace function ingest.ingest_pieces(
  p_hits ingest.ingest_hit_v2[], p_principals text[], p_around int
) returns setof ingest.ingest_piece_v2
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with hit as (
    -- Among equal texts, as in copies of a document, the best is enough.
    select distinct on (h.text) h.*, h.place::int as rank
    from unnest(p_hits) with ordinality as h (uri, title, ordinal, text, score, metadata, revision_id, by, words_place, vector_place, collection, place)
    order by h.text, h.place
  ), collection as materialized (
    select k.name, k.generation, ingest.ingest_search_principals(k.name, p_principals) as principals
    from ingest.ingest_collections k where k.name in (select h.collection from hit h)
  ), document as (
    select d.revision_id, k.generation, row_number() over (order by min(h.rank))::int as number,
           range_agg(int4range(greatest(0, h.ordinal - p_around), h.ordinal + p_around + 1)) as spans
    from hit h
    join ingest.ingest_documents d on d.revision_id = h.revision_id and d.collection = h.collection
    join collection k on k.name = d.collection
    where k.principals is null or d.principals is null or d.principals && k.principals
    group by d.revision_id, k.generation
  ), chunk as (
    select d.*, c.ordinal, c.start_char, c.end_char, c.text, c.metadata, c.metadata ->> 'continues' as continues,
           lag(c.ordinal) over w = c.ordinal - 1 and lag(c.end_char) over w > c.start_char as overlaps,
           lag(c.start_char) over w as start_before, lag(c.end_char) over w as end_before, lag(c.text) over w as text_before
    from document d cross join lateral unnest(d.spans) as s (span)
    -- Ordered and limited, it is read from the key, however many chunks the planner expects.
    cross join lateral (
      select k.ordinal, k.start_char, k.end_char, k.metadata, k.text from ingest.ingest_chunk_store k
      where k.revision_id = d.revision_id and k.generation = d.generation and k.ordinal >= lower(s.span) and k.ordinal < upper(s.span)
      order by k.ordinal limit upper(s.span) - lower(s.span)) c
    window w as (partition by d.number order by c.ordinal)
  )
  select (c.number, c.ordinal, c.start_char + o.at, c.end_char, coalesce(h.rank, 0), ingest.ingest_heading_path(c.metadata),
          not exists (select from ingest.ingest_chunk_store n
                      where n.revision_id = c.revision_id and n.generation = c.generation and n.ordinal = c.ordinal + 1),
          ingest.ingest_still_continues(c.continues, t.before, c.text, o.at),
          case when h.rank > 0 then length(ingest.ingest_citation(h.title, h.metadata, h.uri)) else 0 end,
          case when o.at < 0 then right(t.before, -o.at) || c.text else substr(c.text, o.at + 1) end)::ingest.ingest_piece_v2
  from chunk c
  cross join lateral (select case when c.overlaps then left(c.text_before, c.start_char - c.start_before) end as before) t
  cross join lateral (
    select case when c.overlaps then ingest.ingest_opening(t.before, c.text, c.end_before - c.start_char, c.continues is not null) else 0 end as at offset 0) o
  left join hit h on h.revision_id = c.revision_id and h.ordinal = c.ordinal
  order by c.number, c.ordinal;
$$;

comment on function ingest.ingest_pieces(ingest.ingest_hit_v2[], text[], int) is
  'Hits of a search, and the chunks around them, in the order of their documents; of documents that the caller, or if given these principals, may find. IG040.';
