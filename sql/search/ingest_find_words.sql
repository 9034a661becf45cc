create or replace function ingest.ingest_find_words(
  p_query text, p_collection text, p_k int, p_filter jsonb, p_enough int, p_principals text[]
)
returns table (uri text, title text, ordinal int, text text, score float8, metadata jsonb, revision_id bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_config regconfig := ingest.ingest_search_config(p_collection);
  v_generation int := (select c.generation from ingest.ingest_collections c where c.name = p_collection);
  v_said text := ingest.ingest_searchable(p_query);
  v_query tsquery := websearch_to_tsquery(v_config, v_said);
begin
  -- All words first; if that finds too little, any of them. (Not with an excluded word: it would be let in.)
  if numnode(v_query) > 1 and v_query::text !~ '(^|[ (])!' and (
    select count(*) < p_enough from (
      select from ingest.ingest_chunk_store c join ingest.ingest_documents d on d.revision_id = c.revision_id
      where c.lexemes @@ v_query and c.collection = p_collection and d.collection = p_collection and c.generation = v_generation and c.metadata @> coalesce(p_filter, '{}')
        and (p_principals is null or d.principals is null or d.principals && p_principals) limit p_enough) n
  ) then
    v_query := v_query || coalesce(
      (select string_agg(quote_literal(lexeme), ' | ')::tsquery from unnest(to_tsvector(v_config, v_said))), v_query);
  end if;
  return query
    select d.uri, d.title, c.ordinal, c.text, ts_rank_cd('{0.5, 0.5, 0.8, 1}', c.lexemes, v_query, 1)::float8, c.metadata, c.revision_id
    from ingest.ingest_chunk_store c join ingest.ingest_documents d on d.revision_id = c.revision_id
    where c.lexemes @@ v_query and c.collection = p_collection and d.collection = p_collection and c.generation = v_generation and c.metadata @> coalesce(p_filter, '{}')
      and (p_principals is null or d.principals is null or d.principals && p_principals)
    order by 5 desc, 1, 3 limit p_k;
end
$$;

comment on function ingest.ingest_find_words(text, text, int, jsonb, int, text[]) is
  'Full-text search over live chunks, best first: those with all words, or if that are not enough, with any of them.';
