create or replace function ingest.ingest_passages(
  p_hits ingest.ingest_hit_v2[], p_principals text[], p_budget int, p_tokens int, p_share float8, p_neighbours int, p_sections int
) returns setof ingest.ingest_passage_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_budget int;
  v_share int;
  v_pieces ingest.ingest_piece_v1[];
begin
  v_budget := ingest.ingest_budget(p_hits, p_budget, p_tokens);
  -- So many chunks as long as those that were found fill it: a section that reaches further does not fit.
  v_pieces := array(select p from ingest.ingest_pieces(p_hits, p_principals,
    least(1000, 2 + greatest(p_neighbours, v_budget / (select greatest(50, avg(length(h.text))) from unnest(p_hits) h)))::int) p);
  -- Nobody goes short where there is one document.
  v_share := case when (select max(p.document) from unnest(v_pieces) p) = 1 then v_budget else floor(v_budget * p_share) end;
  return query
    select (row_number() over (order by c.rank))::int, h.title, ingest.ingest_heading_path(h.metadata), ingest.ingest_page(h.metadata), h.uri,
           c.start_char, c.end_char, t.text, m.continues, h.score, h.by, h.metadata, h.revision_id,
           concat_ws(E'\n', '[' || row_number() over (order by c.rank) || '] ' || ingest.ingest_citation(h.title, h.metadata, h.uri), m.continues, t.text), h.collection
    from ingest.ingest_choose(v_pieces, array(select h.text from unnest(p_hits) h), v_budget, v_share, p_neighbours, p_sections) c
    cross join lateral (select (p_hits[c.rank]).*) h
    join ingest.ingest_revisions v on v.id = h.revision_id
    join ingest.ingest_chunk_store l on l.revision_id = h.revision_id and l.ordinal = c.ordinal
      and l.generation = (select g.generation from ingest.ingest_collections g where g.name = h.collection)
    cross join lateral (select l.metadata ->> 'continues' as continues) m
    -- The document's text has to be unpacked: not for what lies in one chunk.
    cross join lateral (
      select case when c.end_char <= l.end_char then left(l.text, c.end_char - c.start_char)
                  else substr(v.text, c.start_char + 1, c.end_char - c.start_char) end as text offset 0) t
    order by c.rank;
end
$$;

comment on function ingest.ingest_passages(ingest.ingest_hit_v2[], text[], int, int, float8, int, int) is
  'Hits of a search as passages for a prompt, of documents that the caller, or if given these principals, may find.';
