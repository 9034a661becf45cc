create or replace function ingest.ingest_check_wanted(p_wanted ingest.ingest_wanted_v1) returns ingest.ingest_wanted_v1
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  p_wanted.collections := coalesce(p_wanted.collections, array[coalesce(p_wanted.collection, 'default')]);
  p_wanted.k := coalesce(p_wanted.k, 10);
  p_wanted.way := nullif(p_wanted.way, 'both');
  p_wanted.words_weight := coalesce(p_wanted.words_weight, 1);
  p_wanted.vector_weight := coalesce(p_wanted.vector_weight, 1);
  perform ingest.ingest_check_count('k'::text, p_wanted.k);
  perform ingest.ingest_check_count('per_document'::text, p_wanted.per_document);
  if octet_length(p_wanted.query) > 20000 then
    raise exception 'the query has % bytes', octet_length(p_wanted.query)
      using errcode = 'IG030', constraint = 'query_too_long', hint = 'Use at most 20,000 bytes of it.';
  elsif p_wanted.way not in ('words', 'vector') then
    raise exception 'ingest_search can''t search by "%"', p_wanted.way
      using errcode = 'IG035', constraint = 'unknown_way',
            hint = 'Give by => ''words'', by => ''vector'' (by meaning), or by => ''both'', the default: both, if the query''s vector is known.';
  elsif array_ndims(p_wanted.collections) is distinct from 1 or cardinality(p_wanted.collections) > 100
     or array_position(p_wanted.collections, null) is not null then
    raise exception 'collections must contain 1 to 100 names, without nulls: %', left(p_wanted.collections::text, 100)
      using errcode = 'IG035', constraint = 'wrong_collections', hint = 'Write it like collections => ''{handbook,mail}''.';
  elsif not p_wanted.min_similarity between -1 and 1 then
    raise exception 'min_similarity is %', p_wanted.min_similarity
      using errcode = 'IG035', constraint = 'wrong_similarity', hint = 'A cosine is between -1 and 1; what is 0.8 for one model may be 0.3 for another.';
  elsif not (p_wanted.words_weight between 0 and 1e6 and p_wanted.vector_weight between 0 and 1e6 and greatest(p_wanted.words_weight, p_wanted.vector_weight) >= 1e-6) then
    raise exception 'the weights are % of words and % of the vector', p_wanted.words_weight, p_wanted.vector_weight
      using errcode = 'IG035', constraint = 'wrong_weight', hint = 'Give numbers of 0 or more, at least one of them above 0: words_weight => 2 counts words twice.';
  end if;
  return p_wanted;
end
$$;

comment on function ingest.ingest_check_wanted(ingest.ingest_wanted_v1) is 'What is wanted, with defaults; IG030, IG035 where it makes no sense.';
