create or replace function ingest.ingest_choose(
  p_pieces ingest.ingest_piece_v2[], p_budget int, p_share int, p_neighbours int, p_sections int
) returns setof ingest.ingest_chosen_v1
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
-- A passage is a row of neighbours that are all taken. At its first place stand what it costs (its text, what it continues, the line above it,
-- the blank one behind it, and the most that closes a code block), its best hit and its end; elsewhere it costs 0. Arrays of numbers are quick
-- to look into. The second pass gives away what the first has left: to hits that were cut for the share of their document, and to a document that is alone.
declare
  v_documents int[] := array(select p.document from unnest(p_pieces) p);
  v_ordinals int[] := array(select p.ordinal from unnest(p_pieces) p);
  v_starts int[] := array(select p.start_char from unnest(p_pieces) p);
  v_ends int[] := array(select p.end_char from unnest(p_pieces) p);
  v_leads int[] := array(select coalesce(length(p.continues) + 1, 0) from unnest(p_pieces) p);
  v_closing int[] := array(
    select coalesce((select max(length(f.found[1])) + 1 from regexp_matches(concat_ws(E'\n', p.continues, p.text),
      E'^([ \t>]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]+)*(?:`{3,}|~{3,}))', 'gn') as f (found)), 0)
    from unnest(p_pieces) p);
  v_ranks int[] := array(select p.rank from unnest(p_pieces) p);
  v_citations int[] := array(select p.citation from unnest(p_pieces) p);
  v_taken boolean[] := array_fill(false, array[cardinality(p_pieces)]);
  v_costs int[] := array_fill(0, array[cardinality(p_pieces)]);
  v_best int[] := v_costs;
  v_upto int[] := v_costs;
  v_marks int := length('[] ' || (select max(p.rank) from unnest(p_pieces) p) || E'\n\n\n');
  v_used int[] := array_fill(0, array[(select coalesce(max(p.document), 0) from unnest(p_pieces) p)]);
  v_cut constant int := length(E'\n…');
  v_blank constant int := 4;
  v_room int := p_budget;
  v_share int := p_share;
  v_alone boolean;
  v_step record;
  v_document int;
  v_first int;
  v_last int;
  v_hit int;
  v_end int;
  v_around int;
  v_more int;
  v_most int;
begin
  for v_step in
    select t.pass, g.* from generate_series(1, 2) as t (pass) cross join lateral (
      select row_number() over () as place, w.* from ingest.ingest_growth(p_pieces, p_neighbours, p_sections) w) g
    order by t.pass, g.place
  loop
    if v_step.pass = 2 and v_alone is null then
      v_share := p_budget;
      v_alone := (select count(*) filter (where u.used > 0) < 2 from unnest(v_used) as u (used));
    end if;
    continue when not v_alone and (v_step.first < v_step.last or v_costs[v_step.hit] = 0 or v_upto[v_step.hit] = v_ends[v_step.hit]);
    v_document := v_documents[v_step.hit];
    v_first := v_step.first;
    v_last := v_step.last;
    continue when (v_first < v_last and not v_taken[v_step.hit]) or v_starts[v_last] - v_starts[v_first] > v_share;
    -- It grows together with what it adjoins. Chunks that overlap, or touch, over some between them take these in.
    while v_documents[v_first - 1] = v_document and v_ordinals[v_first - 1] = v_ordinals[v_first] - 1 and (
      v_taken[v_first - 1] or exists (
        select from generate_series(v_first - 8, v_first - 2) as n (at)
        where v_taken[n.at] and v_documents[n.at] = v_document and v_ends[n.at] + v_blank >= v_starts[v_first])
    ) loop
      v_first := v_first - 1;
    end loop;
    while v_documents[v_last + 1] = v_document and v_ordinals[v_last + 1] = v_ordinals[v_last] + 1 and (
      v_taken[v_last + 1] or exists (
        select from generate_series(v_last + 2, v_last + 8) as n (at)
        where v_taken[n.at] and v_documents[n.at] = v_document and v_ends[v_last] + v_blank >= v_starts[n.at])
    ) loop
      v_last := v_last + 1;
    end loop;
    v_hit := v_step.hit;
    v_end := 0;
    v_more := 0;
    v_around := 0;
    for i in v_first .. v_last loop
      v_more := v_more - v_costs[i];
      v_end := greatest(v_end, v_ends[i]);
      v_around := greatest(v_around, v_closing[i]);
      if v_ranks[i] > 0 and v_ranks[i] < v_ranks[v_hit] then
        v_hit := i;
      end if;
    end loop;
    v_around := v_around + v_leads[v_first] + v_citations[v_hit] + v_marks;
    v_more := v_more + v_end - v_starts[v_first] + v_around;
    v_most := least(v_room, v_share - v_used[v_document]);
    if v_more > v_most and v_first = v_last then
      -- A hit that is too long is cut, not given up, unless little of it would be left.
      v_around := v_around + v_cut;
      v_most := v_most + v_costs[v_first] - v_around;
      continue when v_most < 1 or (v_most < 200 and v_room < p_budget and not v_taken[v_first]);
      v_end := v_starts[v_first] + ingest.ingest_cut_length(p_pieces[v_first].text, v_most);
      continue when v_end <= v_upto[v_first];
      v_more := v_end - v_starts[v_first] + v_around - v_costs[v_first];
      v_most := v_more;
    end if;
    continue when v_more > v_most;
    for i in v_first .. v_last loop
      v_taken[i] := true;
      v_costs[i] := 0;
    end loop;
    v_costs[v_first] := v_end - v_starts[v_first] + v_around;
    v_best[v_first] := v_ranks[v_hit];
    v_upto[v_first] := v_end;
    v_used[v_document] := v_used[v_document] + v_more;
    v_room := v_room - v_more;
  end loop;
  return query
    select n.best, n.ordinal, n.starts, n.upto
    from unnest(v_costs, v_best, v_ordinals, v_starts, v_upto) as n (cost, best, ordinal, starts, upto)
    where n.cost > 0 order by n.best;
end
$$;

comment on function ingest.ingest_choose(ingest.ingest_piece_v2[], int, int, int, int) is
  'Which passages go into a prompt of this many characters, best first; at most p_share of them from one document, as long as there are others.';
