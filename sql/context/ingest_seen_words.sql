create or replace function ingest.ingest_seen_words(p_text text) returns table (start int, word text)
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  -- The parser gives a compound (a hyphenated word, an address) whole, and then its parts: without compounds its tokens are the text.
  select coalesce(sum(case when t.tokid in (5, 15, 16, 17) then 0 else length(t.token) end)
           over (order by t.place rows between unbounded preceding and 1 preceding), 0)::int, t.token
  from ts_parse('default', p_text) with ordinality as t (tokid, token, place)
  union all
  -- Text that is one word only in its searchable form: with Markdown or soft hyphens inside, or decomposed.
  select r.upto - length(r.run), r.run
  from (
    select m.found[2] as run, sum(length(m.found[1]) + length(m.found[2])) over (order by m.place)::int as upto
    from regexp_matches(p_text, E'(\\s*)(\\S+)', 'g') with ordinality as m (found, place)
    where ingest.ingest_searchable(p_text) <> p_text) r
  where ingest.ingest_searchable(r.run) <> r.run;
$$;

comment on function ingest.ingest_seen_words(text) is 'The words of a text and where each begins, in characters from 0; and what is between them.';
