create or replace function ingest.ingest_passages_by_right(
  p_hits ingest.ingest_hit_v2[], p_principals text[], p_budget int, p_tokens int, p_share float8, p_neighbours int, p_sections int
) returns setof ingest.ingest_passage_v2
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- A caller with made-up hits reads no other documents than a search of its own finds.
begin
  perform ingest.ingest_refuse_own_policies();
  return query select * from ingest.ingest_passages(p_hits, p_principals, p_budget, p_tokens, p_share, p_neighbours, p_sections);
end
$$;

comment on function ingest.ingest_passages_by_right(ingest.ingest_hit_v2[], text[], int, int, float8, int, int) is
  'Hits of a search as passages for a prompt, for callers who may search their collections, from documents that they may find. IG040 for others.';
