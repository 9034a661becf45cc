create or replace function ingest.ingest_highlight(text text, query text, config regconfig default 'english') returns int4range[]
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  with seen as materialized (
    select s.start, s.word from ingest.ingest_seen_words(ingest_highlight.text) s
  ), found as (
    select w.word from (select distinct s.word from seen s) w
    where tsvector_to_array(to_tsvector(config, ingest.ingest_searchable(w.word))) && (select ingest.ingest_query_words(query, config))
  ), marked as (
    select range_agg(int4range(s.start, s.start + length(s.word))) as places from seen s join found f on f.word = s.word
  )
  select coalesce((select array_agg(p.one order by p.one) from marked m cross join lateral unnest(m.places) as p (one)), '{}');
$$;

comment on function ingest.ingest_highlight(text, text, regconfig) is
  'Where the words of a query occur in a text: ranges of characters, from 0, in order, not touching. As full-text search sees '
  'words under this configuration; words after a minus are not marked.';
