create or replace function ingest.ingest_context_as_caller(
  p_wanted ingest.ingest_wanted_v1, p_budget int, p_tokens int, p_share float8, p_neighbours int, p_sections int
) returns setof ingest.ingest_passage_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- As searches: with an administrator's own policies on the tables, these decide too.
declare
  v_hits ingest.ingest_hit_v2[];
begin
  p_share := coalesce(p_share, 0.5);
  p_neighbours := least(greatest(0, coalesce(p_neighbours, 1)), 100);
  p_sections := greatest(0, coalesce(p_sections, 1));
  perform ingest.ingest_check_count('budget'::text, p_budget);
  perform ingest.ingest_check_count('tokens'::text, p_tokens);
  if not p_share between 0.01 and 1 then
    raise exception 'share is %', p_share
      using errcode = 'IG035', constraint = 'wrong_share', hint = 'Give a share of the budget from 0.01 to 1: share => 0.5 is half of it.';
  end if;
  if p_wanted.k > 1000 then
    raise exception 'a prompt is made of 1000 chunks at most, not %', p_wanted.k
      using errcode = 'IG035', constraint = 'wrong_count', hint = 'k is the number of chunks to find; the default is 8. What goes into the prompt, budget says.';
  end if;
  v_hits := array(select h from ingest.ingest_search_as_caller(p_wanted) h);
  if not ingest.ingest_has_own_policies() then
    return query select * from ingest.ingest_passages_by_right(v_hits, p_wanted.principals, p_budget, p_tokens, p_share, p_neighbours, p_sections);
  else
    return query select * from ingest.ingest_passages(v_hits, p_wanted.principals, p_budget, p_tokens, p_share, p_neighbours, p_sections);
  end if;
end
$$;

comment on function ingest.ingest_context_as_caller(ingest.ingest_wanted_v1, int, int, float8, int, int) is
  'What a search by a text or a vector finds, as passages for a prompt, by the caller''s right; as the caller where an administrator has made policies of his own.';
