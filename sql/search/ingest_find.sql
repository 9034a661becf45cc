create or replace function ingest.ingest_find(
  p_query text, p_embedding vectors.vector, p_collection text, p_k int, p_filter jsonb, p_by text, p_principals text[], p_under text,
  p_per_document int
) returns setof ingest.ingest_hit_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_embedding vectors.vector;
begin
  p_k := coalesce(p_k, 10);
  perform ingest.ingest_check_count('k'::text, p_k);
  perform ingest.ingest_check_count('per_document'::text, p_per_document);
  if p_embedding is not null then
    return query select * from ingest.ingest_find_nearest(p_embedding, p_collection, p_k, p_filter, p_principals, p_under, p_per_document);
    return;
  end if;
  if p_by is distinct from 'words' then
    v_embedding := ingest.ingest_query_embedding(p_query, p_collection);
  end if;
  if octet_length(p_query) > 20000 then
    raise exception 'the query has % bytes', octet_length(p_query)
      using errcode = 'IG030', constraint = 'query_too_long', hint = 'It may have 20,000: ask with a part of it.';
  elsif p_by not in ('words', 'vector') then
    raise exception 'ingest_search can''t go by "%"', p_by
      using errcode = 'IG035', constraint = 'unknown_way',
            hint = 'by => ''words'', by => ''vector'', or neither: then by both, if the query''s vector is known.';
  elsif p_by = 'vector' and v_embedding is null then
    perform ingest.ingest_search_config(p_collection);
    raise exception 'the vector of this query is not known'
      using errcode = 'IG035', constraint = 'query_not_embedded',
            hint = format('First: call ingest_embed_query(%L, %L);', p_query, p_collection);
  elsif p_by = 'vector' then
    return query select * from ingest.ingest_find_nearest(v_embedding, p_collection, p_k, p_filter, p_principals, p_under, p_per_document);
  elsif v_embedding is null then
    return query select * from ingest.ingest_find_words(p_query, p_collection, p_k, p_filter, p_k, p_principals, p_under, p_per_document);
  else
    return query select * from ingest.ingest_find_both(p_query, v_embedding, p_collection, p_k, p_filter, p_principals, p_under, p_per_document);
  end if;
end
$$;

comment on function ingest.ingest_find(text, vectors.vector, text, int, jsonb, text, text[], text, int) is
  'A search by a text or a vector for a caller whose rights are known: in documents that these principals may find; null: in all.';
