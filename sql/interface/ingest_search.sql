create or replace function ingest.ingest_search(
  query text, collection text default 'default', k int default 10, filter jsonb default '{}', by text default null
) returns table (uri text, title text, ordinal int, text text, score float8, metadata jsonb, revision_id bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_embedding vectors.vector := case when by is distinct from 'words' then ingest.ingest_query_embedding(query, collection) end;
begin
  if by not in ('words', 'vector') then
    raise exception 'ingest_search can''t go by "%"', by
      using errcode = 'IG035', constraint = 'unknown_way',
            hint = 'by => ''words'', by => ''vector'', or neither: then by both, if the query''s vector is known.';
  elsif by = 'vector' and v_embedding is null then
    perform ingest.ingest_search_config(collection);
    raise exception 'the vector of this query is not known'
      using errcode = 'IG035', constraint = 'query_not_embedded',
            hint = format('First: call ingest_embed_query(%L, %L);', query, collection);
  elsif by = 'vector' then
    return query select * from ingest.ingest_search(v_embedding, collection, k, filter);
  elsif v_embedding is null then
    return query select * from ingest.ingest_search_words(query, collection, k, filter, k);
  else
    return query select * from ingest.ingest_search_both(query, v_embedding, collection, k, filter);
  end if;
end
$$;

comment on function ingest.ingest_search(text, text, int, jsonb, text) is
  'Search over live chunks, best first: by words, and by vector too once ingest_embed_query has the query''s vector. '
  'filter: what their metadata must contain; by: ''words'' or ''vector'' alone.';
