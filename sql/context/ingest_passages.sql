create or replace function ingest.ingest_passages(
  p_hits ingest.ingest_hit_v2[], p_principals text[], p_budget int, p_tokens int, p_share float8, p_neighbours int, p_sections int
) returns setof ingest.ingest_passage_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_budget int;
  v_pieces ingest.ingest_piece_v2[];
  v_passages ingest.ingest_passage_v2[];
  v_length int;
  v_over bigint;
begin
  p_hits := array(select h from unnest(p_hits) h);  -- counted from 1, whatever it was: places lead back to hits
  v_budget := ingest.ingest_budget(p_hits, p_budget, p_tokens);
  -- So many chunks as long as those that were found fill it: a section that reaches further does not fit.
  v_pieces := array(select p from ingest.ingest_pieces(p_hits, p_principals,
    least(1000, 2 + greatest(p_neighbours, v_budget / (select greatest(50, avg(length(h.text))) from unnest(p_hits) h)))::int) p);
  for i in 1 .. 8 loop
    v_passages := array(select s from ingest.ingest_passages_of(p_hits, v_pieces, v_budget, p_share, p_neighbours, p_sections) s);
    select length(p.prompt), octet_length(p.prompt) - p_tokens * 4::bigint into v_length, v_over
    from (select string_agg(s.cited, E'\n\n') as prompt from unnest(v_passages) s) p;
    exit when v_over is null or v_over <= 0;
    -- The chosen text has more bytes per character than the found one. A character has four at most: the last try assumes that.
    v_budget := case when i < 7 then greatest(v_length - v_over, p_tokens) else p_tokens end;
  end loop;
  return query select * from unnest(v_passages);
end
$$;

comment on function ingest.ingest_passages(ingest.ingest_hit_v2[], text[], int, int, float8, int, int) is
  'Hits of a search as passages for a prompt, of documents that the caller, or if given these principals, may find.';
