create or replace function ingest.ingest_query_words(p_query text, p_config regconfig) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(distinct replace(replace(w.found[1], '''''', ''''), E'\\\\', E'\\')), '{}')
  from regexp_matches(querytree(websearch_to_tsquery(p_config, ingest.ingest_searchable(p_query))), E'''((?:[^'']|'''')*)''', 'g') as w (found);
$$;

comment on function ingest.ingest_query_words(text, regconfig) is 'The words that a query looks for, as full-text search has them; none that it excludes.';
