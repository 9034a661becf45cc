create or replace function ingest.ingest_choose(
  p_pieces ingest.ingest_piece_v1[], p_texts text[], p_budget int, p_share int, p_neighbours int, p_sections int
) returns setof ingest.ingest_chosen_v1
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
-- A passage is a row of neighbours that are all taken. At its first place stand what it costs (its text, what it continues, the line above it
-- and the blank one behind it), its best hit and its end; elsewhere it costs 0. Arrays of numbers are quick to look into.
declare
  v_documents int[] := array(select p.document from unnest(p_pieces) p);
  v_ordinals int[] := array(select p.ordinal from unnest(p_pieces) p);
  v_starts int[] := array(select p.start_char from unnest(p_pieces) p);
  v_ends int[] := array(select p.end_char from unnest(p_pieces) p);
  v_leads int[] := array(select p.lead from unnest(p_pieces) p);
  v_ranks int[] := array(select p.rank from unnest(p_pieces) p);
  v_citations int[] := array(select p.citation from unnest(p_pieces) p);
  v_taken boolean[] := array_fill(false, array[cardinality(p_pieces)]);
  v_costs int[] := array_fill(0, array[cardinality(p_pieces)]);
  v_best int[] := v_costs;
  v_upto int[] := v_costs;
  v_marks int := length('[] ' || cardinality(p_texts) || E'\n\n\n');
  v_used int[] := array_fill(0, array[cardinality(p_texts)]);
  v_room int := p_budget;
  v_step record;
  v_document int;
  v_first int;
  v_last int;
  v_hit int;
  v_end int;
  v_more int;
  v_most int;
begin
  for v_step in select * from ingest.ingest_growth(p_pieces, p_neighbours, p_sections) loop
    v_document := v_documents[v_step.hit];
    v_first := v_step.first;
    v_last := v_step.last;
    continue when (v_first < v_last and not v_taken[v_step.hit]) or v_starts[v_last] - v_starts[v_first] > p_share;
    -- It grows together with what it adjoins. Chunks that overlap, or touch, over some between them take these in.
    while v_documents[v_first - 1] = v_document and v_ordinals[v_first - 1] = v_ordinals[v_first] - 1 and (
      v_taken[v_first - 1] or exists (
        select from generate_series(v_first - 8, v_first - 2) as n (at)
        where v_taken[n.at] and v_documents[n.at] = v_document and v_ends[n.at] >= v_starts[v_first])
    ) loop
      v_first := v_first - 1;
    end loop;
    while v_documents[v_last + 1] = v_document and v_ordinals[v_last + 1] = v_ordinals[v_last] + 1 and (
      v_taken[v_last + 1] or exists (
        select from generate_series(v_last + 2, v_last + 8) as n (at)
        where v_taken[n.at] and v_documents[n.at] = v_document and v_ends[v_last] >= v_starts[n.at])
    ) loop
      v_last := v_last + 1;
    end loop;
    v_hit := v_step.hit;
    v_end := 0;
    v_more := 0;
    for i in v_first .. v_last loop
      v_more := v_more - v_costs[i];
      v_end := greatest(v_end, v_ends[i]);
      if v_ranks[i] > 0 and v_ranks[i] < v_ranks[v_hit] then
        v_hit := i;
      end if;
    end loop;
    v_more := v_more + v_end - v_starts[v_first] + v_leads[v_first] + v_citations[v_hit] + v_marks;
    v_most := least(v_room, p_share - v_used[v_document]);
    if v_more > v_most and v_first = v_last and not v_taken[v_first] then
      -- A hit that is too long is cut, not given up, unless little of it would be left.
      v_most := v_most - v_leads[v_first] - v_citations[v_hit] - v_marks;
      continue when v_most < 1 or (v_most < 200 and v_room < p_budget);
      v_more := v_more - v_end;
      v_end := v_starts[v_first] + ingest.ingest_cut_length(p_texts[v_ranks[v_first]], v_most);
      v_ends[v_first] := v_end;
      v_more := v_more + v_end;
      v_most := v_more;
    end if;
    continue when v_more > v_most;
    for i in v_first .. v_last loop
      v_taken[i] := true;
      v_costs[i] := 0;
    end loop;
    v_costs[v_first] := v_end - v_starts[v_first] + v_leads[v_first] + v_citations[v_hit] + v_marks;
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

comment on function ingest.ingest_choose(ingest.ingest_piece_v1[], text[], int, int, int, int) is
  'Which passages go into a prompt of so many characters, at most p_share of them of one document, best first. p_texts: of the hits, by rank.';
