create or replace function ingest.ingest_words_known(
  p_collection text, p_words text[], out chunks float8, out shares float8[], out rare float8
) language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- Only the owner sees the statistics of a table with policies. They name common words, and how common these are among all
-- chunks of the installation; whether a rare one, in less than a hundred chunks, is anywhere they do not say.
declare
  v_rows float8;
  v_documents bigint;
  v_words text[];
  v_shares real[];
begin
  if not ingest.ingest_may('search'::text, p_collection) then
    return;
  end if;
  select count(*), sum(d.chunks) into v_documents, chunks
  from (select o.chunks from ingest.ingest_documents o where o.collection = p_collection limit 1000) d;
  select pg_relation_size(c.oid) / current_setting('block_size')::float8 * case when c.reltuples >= 0 and c.relpages > 0 then c.reltuples / c.relpages else 4 end
  into v_rows from pg_class c where c.oid = 'ingest.ingest_chunk_store'::regclass;
  if v_documents = 1000 then
    chunks := greatest(chunks, v_rows * coalesce((
      select s.most_common_freqs[array_position(s.most_common_vals::text::text[], p_collection)]
      from pg_stats s where s.schemaname = '{schema}' and s.tablename = 'ingest_chunk_store' and s.attname = 'collection'), 1));
  end if;
  select s.most_common_elems::text::text[], s.most_common_elem_freqs into v_words, v_shares
  from pg_stats s where s.schemaname = '{schema}' and s.tablename = 'ingest_chunk_store' and s.attname = 'lexemes';
  rare := v_shares[cardinality(v_words) + 1] / 2;  -- behind those of the words stand the least and the largest
  shares := array(
    select k.share
    from unnest(p_words) with ordinality as w (word, place)
    left join (select e.word, v_shares[e.place] as share from unnest(v_words) with ordinality as e (word, place) where v_shares[e.place] * v_rows >= 100) k
      on k.word = replace(replace(substring(w.word from '^''(.*)''$'), '''''', ''''), E'\\\\', E'\\')
    order by w.place);
end
$$;

comment on function ingest.ingest_words_known(text, text[]) is
  'About how many chunks a collection has, and which share of all chunks has each of these words; null: it is none of the common ones, '
  'in less than a hundred chunks, or rarer than twice rare. That is null before the first ANALYZE.';
