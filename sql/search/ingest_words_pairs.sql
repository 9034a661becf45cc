create or replace function ingest.ingest_words_pairs(p_words text[], p_counts float8[], p_chunks float8, p_most bigint) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  with word as (
    select p_words[n] as word, n, coalesce(p_counts[n], 0) as count from generate_subscripts(p_words, 1) n order by 3, n limit 8
  ), pair as (
    select format('( %s & %s )', a.word, b.word) as pair, a.count * b.count / greatest(p_chunks, 1) as expected, a.n, b.n as other
    from word a join word b on a.n < b.n
  ), taken as (
    select p.*, sum(p.expected) over (order by p.expected, p.n, p.other) as so_far from pair p
  )
  select string_agg(t.pair, ' | ' order by t.so_far, t.n, t.other) from taken t where t.so_far < p_most;
$$;

comment on function ingest.ingest_words_pairs(text[], float8[], float8, bigint) is
  'What has two of these words, the rarest pairs first, so that fewer than so many chunks are expected, if words stand together by chance; null: no pair is as rare as that.';
