create or replace function ingest.ingest_find_words(
  p_query text, p_collection text, p_k int, p_filter jsonb, p_enough int, p_principals text[], p_under text, p_per_document int
) returns setof ingest.ingest_hit_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
        and (p_principals is null or d.principals is null or d.principals && p_principals)
        and (p_under is null or starts_with(d.uri, p_under)) limit p_enough) n
  ) then
    v_query := v_query || coalesce(
      (select string_agg(quote_literal(lexeme), ' | ')::tsquery from unnest(to_tsvector(v_config, v_said))), v_query);
  end if;
  -- Of a document so many: chosen among the best ten thousand, so that a text of many matches is not carried through a sort.
  return query
    select b.uri, b.title, b.ordinal, b.text, b.score, b.metadata, b.revision_id, 'words'::text, (rank() over (order by b.score desc))::int, null::int
    from (
      select s.*, row_number() over (partition by s.revision_id order by s.score desc, s.ordinal) as nth
      from (
        select d.uri, d.title, c.ordinal, c.text, ts_rank_cd('{0.5, 0.5, 0.8, 1}', c.lexemes, v_query, 1)::float8 as score, c.metadata,
               c.revision_id
        from ingest.ingest_chunk_store c join ingest.ingest_documents d on d.revision_id = c.revision_id
        where c.lexemes @@ v_query and c.collection = p_collection and d.collection = p_collection and c.generation = v_generation and c.metadata @> coalesce(p_filter, '{}')
          and (p_principals is null or d.principals is null or d.principals && p_principals)
          and (p_under is null or starts_with(d.uri, p_under))
        order by 5 desc, 1, 3
        limit case when p_per_document is null then p_k else greatest(10000, 100 * p_k::bigint) end) s) b
    where p_per_document is null or b.nth <= p_per_document
    order by b.score desc, b.uri, b.ordinal limit p_k;
end
$$;

comment on function ingest.ingest_find_words(text, text, int, jsonb, int, text[], text, int) is
  'Full-text search over live chunks, best first: those with all words, or if that are not enough, with any of them.';
