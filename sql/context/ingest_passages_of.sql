create or replace function ingest.ingest_passages_of(
  p_hits ingest.ingest_hit_v2[], p_pieces ingest.ingest_piece_v2[], p_budget int, p_share float8, p_neighbours int, p_sections int
) returns setof ingest.ingest_passage_v2
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with chosen as (
    select c.*, row_number() over (order by c.rank) as number, o.document
    -- Nobody goes short where there is one document.
    from ingest.ingest_choose(p_pieces, p_budget, (case when (select max(p.document) from unnest(p_pieces) p) = 1 then p_budget else floor(p_budget * p_share) end)::int,
      p_neighbours, p_sections) c
    join unnest(p_pieces) o on o.rank = c.rank
  )
  select c.number::int, h.title, ingest.ingest_heading_path(h.metadata), ingest.ingest_page(h.metadata), h.uri,
         c.start_char, c.end_char, t.text, f.continues, h.score, h.by, h.metadata, h.revision_id,
         concat_ws(E'\n', '[' || c.number || '] ' || ingest.ingest_citation(h.title, h.metadata, h.uri), f.continues, t.text,
           case when not exists (select from unnest(p_pieces) l where l.document = c.document and l.end_char = c.end_char) then '…' end,
           ingest.ingest_open_fence(concat_ws(E'\n', f.continues, t.text))), h.collection
  from chosen c
  join unnest(p_pieces) f on f.document = c.document and f.ordinal = c.ordinal
  cross join lateral (select (p_hits[c.rank]).*) h
  join ingest.ingest_revisions v on v.id = h.revision_id
  -- The document's text has to be unpacked: not for what lies in one chunk.
  cross join lateral (
    select case when c.end_char <= f.end_char then left(f.text, c.end_char - c.start_char)
                else substr(v.text, c.start_char + 1, c.end_char - c.start_char) end as text offset 0) t
  order by c.rank;
$$;

comment on function ingest.ingest_passages_of(ingest.ingest_hit_v2[], ingest.ingest_piece_v2[], int, float8, int, int) is
  'Pieces as passages for a prompt of this many characters: a cut one ends with …, an open code block is closed.';
