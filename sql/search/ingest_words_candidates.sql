create or replace function ingest.ingest_words_candidates(p_words text[], p_counts float8[], p_chunks float8, p_most bigint) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
-- Rare words first: a chunk that has none of them has little to gain by the common ones. If even the rarest is too common,
-- chunks that have two of them are the better ones; if these are too many, those that have several at once.
declare
  v_order int[] := array(select n from generate_series(1, cardinality(p_words)) n order by coalesce(p_counts[n], 0), length(p_words[n]) desc, n);
  v_taken text[] := '{}';
  v_sum float8 := 0;
  v_place int;
begin
  foreach v_place in array v_order loop
    v_sum := v_sum + coalesce(p_counts[v_place], 0);
    exit when v_sum >= p_most;
    v_taken := v_taken || p_words[v_place];
  end loop;
  if cardinality(v_taken) > 0 then
    return array_to_string(v_taken, ' | ');
  end if;
  if ingest.ingest_words_pairs(p_words, p_counts, p_chunks, p_most) is not null then
    return ingest.ingest_words_pairs(p_words, p_counts, p_chunks, p_most);
  end if;
  v_sum := greatest(p_chunks, 1);
  foreach v_place in array v_order loop
    v_taken := v_taken || p_words[v_place];
    v_sum := v_sum * least(p_counts[v_place] / greatest(p_chunks, 1), 1);
    exit when v_sum < p_most;
  end loop;
  return array_to_string(v_taken, ' & ');
end
$$;

comment on function ingest.ingest_words_candidates(text[], float8[], float8, bigint) is
  'What a chunk must have to be ranked, so that about so many are: one of as many of the rarest words as fit; if none does, two or more at once.';
