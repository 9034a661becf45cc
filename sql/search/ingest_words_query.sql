create or replace function ingest.ingest_words_query(
  p_query text, p_configs regconfig[], out query tsquery, out words text[], out phrases text[], out shape text
) language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
-- Under several configurations any reading of the query will do, and what one of them excludes is excluded.
declare
  v_word constant text := E'''(?:[^'']|'''')+''(?::[*A-D]+)?';  -- as a tsquery is written
  v_excluded constant text := '!(?:' || v_word || E'|\\( (?:' || v_word || E'|[^()''])* \\))';
  v_text constant text := ingest.ingest_grams(ingest.ingest_searchable(p_query), true);
  v_read tsquery;
  v_said text;
begin
  for v_read in select distinct websearch_to_tsquery(c.config, v_text) from unnest(p_configs) as c (config) loop
    query := case when query is null or numnode(query) = 0 then v_read when numnode(v_read) = 0 then query else query || v_read end;
  end loop;
  if cardinality(p_configs) > 1 then
    for v_said in select distinct m.found[1] from regexp_matches(query::text, '(' || v_excluded || ')', 'g') as m (found) loop
      query := query && v_said::tsquery;
    end loop;
  end if;
  if octet_length(p_query) <> char_length(p_query) then
    -- One letter of a language without blanks is found by the pairs that begin with it.
    query := regexp_replace(query::text, E'''([\\u0e01-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3005-\\ud7a3\\uf900-\\ufaff\\uff66-\\uff9f\\U00020000-\\U0003ffff])''', E'''\\1'':*', 'g')::tsquery;
  end if;
  shape := regexp_replace(query::text, v_word, 'w', 'g');
  v_said := regexp_replace(query::text, v_excluded, '', 'g');
  words := array(select distinct m.found[1] from regexp_matches(v_said, v_word, 'g') as m (found) order by 1);
  phrases := array(
    select p.phrase
    from (select distinct m.found[1] from regexp_matches(v_said, v_word || '(?: <(?:-|[0-9]+)> ' || v_word || ')+', 'g') as m (found)) as p (phrase)
    order by length(p.phrase) desc, p.phrase limit 32);
end
$$;

comment on function ingest.ingest_words_query(text, regconfig[]) is
  'What a query asks for: as a tsquery; the words that count, without excluded ones; the 32 longest runs of words that must stand one behind the other; and its operators: w & !w.';
