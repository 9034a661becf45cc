create or replace function ingest.ingest_growth(p_pieces ingest.ingest_piece_v2[], p_neighbours int, p_sections int)
returns table (hit int, first int, last int)
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  with piece as (
    select p.*, p.place::int as at, lag(p.ordinal) over w as before, lead(p.ordinal) over w as after
    from unnest(p_pieces) with ordinality as p (document, ordinal, start_char, end_char, rank, headings, is_last, continues, citation, text, place)
    window w as (partition by p.document order by p.ordinal)
  ), hit as (
    select p.* from piece p where p.rank > 0
  ), step (phase, distance, rank, side, hit, first, last) as (
    select 1, 0, h.rank, 0, h.at, h.at, h.at from hit h
    union all
    -- First what follows, then what precedes; no further than the next heading that is neither above nor below the hit's.
    select 2, abs(p.ordinal - h.ordinal), h.rank, case when p.at > h.at then 1 else 2 end, h.at, least(h.at, p.at), greatest(h.at, p.at)
    from hit h join piece p on p.document = h.document and p.at <> h.at
      and p.ordinal between h.ordinal::bigint - p_neighbours and h.ordinal::bigint + p_neighbours
    where not exists (
      select from piece o
      where o.at between least(h.at, p.at) and greatest(h.at, p.at)
        and o.headings[:cardinality(h.headings)] <> h.headings[:cardinality(o.headings)])
    union all
    -- A section is the hit's neighbourhood under one heading, if it is seen whole: up to a chunk under another, or an end of the document.
    select 3, s.up, h.rank, 0, h.at, r.first, r.last
    from hit h
    cross join lateral generate_series(0, least(p_sections - 1, cardinality(h.headings))) as s (up)
    cross join lateral (select h.headings[:cardinality(h.headings) - s.up] as path) under
    cross join lateral (
      select max(p.at) filter (where p.at <= h.at and (p.before is distinct from p.ordinal - 1 or p.is_outside_before)) as first,
             min(p.at) filter (where p.at >= h.at and (p.after is distinct from p.ordinal + 1 or p.is_outside_after)) as last
      from (
        select q.*, lag(q.headings[:cardinality(under.path)] is distinct from under.path) over v as is_outside_before,
               lead(q.headings[:cardinality(under.path)] is distinct from under.path) over v as is_outside_after
        from piece q where q.document = h.document window v as (order by q.ordinal)) p
    ) r
    join piece f on f.at = r.first and (f.ordinal = 0 or f.before = f.ordinal - 1)
    join piece l on l.at = r.last and (l.is_last or l.after = l.ordinal + 1)
  )
  select s.hit, s.first, s.last from step s where s.phase = 1 or s.first < s.last
  order by s.phase, s.distance, s.rank, s.side;
$$;

comment on function ingest.ingest_growth(ingest.ingest_piece_v2[], int, int) is
  'In which order a prompt grows, as places in the array: hits, best first; then their neighbours, the nearest first; then their sections, p_sections '
  'levels of headings up.';
