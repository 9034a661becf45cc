create or replace function ingest.ingest_find_words(p_wanted ingest.ingest_wanted_v1, p_enough int) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
as $$
-- The planner takes reading the whole table for quick where a LIMIT ends it; but the words of each row must be unpacked.
declare
  v_asked record := ingest.ingest_words_query(p_wanted.query, ingest.ingest_search_configs(p_wanted.collection));
  v_known record := ingest.ingest_words_known(p_wanted.collection, v_asked.words);
  v_is_kept boolean := ingest.ingest_wanted_condition(p_wanted) <> '';
  v_most bigint := greatest(ingest.ingest_most_ranked(), p_wanted.k);
  v_words text[];
  v_common boolean[];
  v_counts float8[];
  v_titled bigint[] := ingest.ingest_titled(p_wanted.collection, p_wanted.query);
  v_is_wide boolean := false;
  v_is_late boolean := not v_is_kept and p_wanted.per_document is null and not ingest.ingest_has_own_policies();
  v_any text;
  v_wider text;
  v_candidates text;
  v_pairs text;
  v_found bigint[];
  v_first bigint;
  v_total bigint;
  v_hits ingest.ingest_hit_v2[];
begin
  if coalesce(numnode(v_asked.query), 0) = 0 then
    return;
  end if;
  -- With very many words, the rarest decide.
  select coalesce(array_agg(w.word), '{}'), array_agg(w.share is not null), array_agg(coalesce(w.share, v_known.rare) * v_known.chunks)
  into v_words, v_common, v_counts
  from (select w.word, v_known.shares[w.place] as share from unnest(v_asked.words) with ordinality as w (word, place)
        order by 2 nulls first, length(w.word) desc, w.word limit 32) w;
  v_any := coalesce(case when v_asked.shape !~ '!' then nullif(array_to_string(v_words, ' | '), '') end, v_asked.query::text);
  v_candidates := case when v_any = v_asked.query::text then v_any else ingest.ingest_words_candidates(v_words, v_counts, v_known.chunks, v_most) end;
  v_wider := v_any;
  for v_try in 1 .. 8 loop
    v_pairs := case when v_candidates not like '% & %' then ingest.ingest_words_pairs(
      array(select w from unnest(v_words) w where w <> all (string_to_array(v_candidates, ' | '))),
      array(select w.count from unnest(v_words, v_counts) as w (word, count) where w.word <> all (string_to_array(v_candidates, ' | '))),
      v_known.chunks, v_most / 3) end;
    execute ingest.ingest_words_statement(
        v_words, v_asked.phrases, v_candidates, v_any, case when v_is_wide then v_wider else v_pairs end, case when v_asked.shape ~ '<' then v_asked.query::text end, p_wanted,
        cardinality(v_titled) > 0, v_is_late)
      into v_found, v_first, v_total, v_hits
      using p_wanted, v_most, v_known.chunks, v_titled,
        -- The counts are right for words of which all chunks were looked at.
        array(select case when not w.word = any (string_to_array(v_candidates, ' | ')) or v_is_kept and w.common then w.count end
              from unnest(v_words, v_common, v_counts) with ordinality as w (word, common, count, place) order by w.place),
        case when v_is_wide then v_most else v_most / 3 end;
    if v_is_late and cardinality(v_hits) < p_wanted.k and v_total > cardinality(v_hits) then
      v_is_late := false;  -- most of the best were replaced, and are not purged yet
      continue;
    end if;
    exit when v_is_wide or v_any = v_asked.query::text;
    if v_first >= v_most and v_candidates not like '% & %' then
      -- More than was expected, or nothing is known, before the first ANALYZE: what was counted tells which words are rare.
      v_counts := array(select greatest(v_counts[n], v_found[n]) from generate_series(1, cardinality(v_words)) n);
      v_candidates := ingest.ingest_words_candidates(v_words, v_counts, v_known.chunks, v_most);
    elsif v_first >= v_most and v_candidates <> array_to_string(v_words, ' & ') then
      v_wider := v_candidates;
      v_candidates := array_to_string(v_words, ' & ');
    elsif cardinality(v_hits) < p_enough and v_candidates <> v_wider then
      v_is_wide := true;
    else
      exit;
    end if;
  end loop;
  return query select * from unnest(v_hits);
end
$$;

comment on function ingest.ingest_find_words(ingest.ingest_wanted_v1, int) is
  'Full-text search over live chunks of one collection, best first: those that have the query''s words, the rarer ones and in titles and headings the more.';
