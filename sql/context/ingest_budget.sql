create or replace function ingest.ingest_budget(p_hits ingest.ingest_hit_v2[], p_budget int, p_tokens int) returns int
language sql immutable
return least(
  coalesce(p_budget, case when p_tokens is null then 12000 else 100000000 end), 100000000,
  -- A token counts as four bytes, which in these texts are four characters.
  (select p_tokens * 4.0 * coalesce(sum(length(h.text))::numeric / nullif(sum(octet_length(h.text)), 0), 1) from unnest(p_hits) h)::bigint)::int;

comment on function ingest.ingest_budget(ingest.ingest_hit_v2[], int, int) is
  'How many characters a prompt may have: by default 12,000, or four bytes of what was found for each token; the smaller of the two if both are given.';
