create or replace function ingest.ingest_search_words(p_query text, p_collection text, p_k int, p_filter jsonb, p_enough int)
returns table (uri text, title text, ordinal int, text text, score float8, metadata jsonb, revision_id bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select f.uri, f.title, f.ordinal, f.text, f.score, f.metadata, f.revision_id
  from ingest.ingest_with_texts(array(select h from ingest.ingest_find_words(row(
    p_query, null, null, p_collection, p_k, p_filter, 'words', null, null, null, null, null, 1, 1, false)::ingest.ingest_wanted_v1, p_enough) h)) f;
$$;

comment on function ingest.ingest_search_words(text, text, int, jsonb, int) is
  'For listeners of the former release: ingest_find_words, which calls of its ingest_search go on with.';
