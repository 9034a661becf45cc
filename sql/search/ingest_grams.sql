create or replace function ingest.ingest_grams(p_text text, p_is_query boolean) returns text
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
-- Chinese, Japanese, Korean, Thai, Lao, Burmese and Khmer. A letter has its marks with it: what is cut in between is no letter.
declare
  v_letters constant text :=
    E'\\u0e01-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3005-\\u3007\\u3041-\\u3096\\u309d-\\u309f\\u30a1-\\u30fa\\u30fc-\\u30ff\\u31f0-\\u31ff\\u3400-\\u4dbf'
    || E'\\u4e00-\\u9fff\\uac00-\\ud7a3\\uf900-\\ufaff\\uff66-\\uff9f\\U00020000-\\U0003ffff';
  v_marks constant text :=
    E'\\u0e31\\u0e33-\\u0e3a\\u0e45-\\u0e4e\\u0eb1\\u0eb3-\\u0ebc\\u0ec8-\\u0ece\\u102b-\\u103e\\u1056-\\u1059\\u17b4-\\u17d3\\u17dd\\uff9e\\uff9f';
begin
  if octet_length(p_text) = char_length(p_text) or current_setting('server_encoding') <> 'UTF8' or p_text !~ ('[' || v_letters || ']') then
    return p_text;
  end if;
  return (
    select string_agg(case when part.text[1] !~ ('[' || v_letters || ']') then part.text[1] else (
        select ' ' || string_agg(gram.letter || gram.next, ' ' order by gram.place) || ' '
        from (
          select l.letter[1] as letter, l.place, coalesce(lead(l.letter[1]) over (order by l.place), '') as next
          from regexp_matches(part.text[1], '[^' || v_marks || '][' || v_marks || ']*|[' || v_marks || ']+', 'g') with ordinality as l (letter, place)
        ) gram
        where gram.next <> '' or gram.place = 1 or not p_is_query
      ) end, '' order by part.place)
    from regexp_matches(p_text, '[' || v_letters || ']+|[^' || v_letters || ']+', 'g') with ordinality as part (text, place));
end
$$;

comment on function ingest.ingest_grams(text, boolean) is
  'A text in which runs of letters of languages that put no blanks between words are pairs of neighbours: "abc" is "ab bc c", in a query "ab bc".';
