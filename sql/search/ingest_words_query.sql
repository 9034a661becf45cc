create or replace function ingest.ingest_words_query(
  p_query text, p_config regconfig, out query tsquery, out words text[], out phrases text[], out shape text
) language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_word constant text := E'''(?:[^'']|'''')+''(?::[*A-D]+)?';  -- as a tsquery is written
  v_said text;
begin
  query := websearch_to_tsquery(p_config, ingest.ingest_grams(ingest.ingest_searchable(p_query), true));
  if octet_length(p_query) <> char_length(p_query) then
    -- One letter of a language without blanks is found by the pairs that begin with it.
    query := regexp_replace(query::text, E'''([\\u0e01-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3005-\\ud7a3\\uf900-\\ufaff\\uff66-\\uff9f\\U00020000-\\U0003ffff])''', E'''\\1'':*', 'g')::tsquery;
  end if;
  shape := regexp_replace(query::text, v_word, 'w', 'g');
  v_said := regexp_replace(query::text, '!(?:' || v_word || E'|\\( (?:' || v_word || E'|[^()''])* \\))', '', 'g');
  words := array(select distinct m.found[1] from regexp_matches(v_said, v_word, 'g') as m (found) order by 1);
  phrases := array(select distinct m.found[1] from regexp_matches(v_said, v_word || '(?: <(?:-|[0-9]+)> ' || v_word || ')+', 'g') as m (found) order by 1);
end
$$;

comment on function ingest.ingest_words_query(text, regconfig) is
  'What a query asks for: as a tsquery; the words that count, without excluded ones; words that must stand one behind the other; and its operators: w & !w.';
