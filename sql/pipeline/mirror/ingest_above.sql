create or replace function ingest.ingest_above(p_uri text) returns setof text
language sql immutable strict set search_path = pg_catalog, pg_temp
as $$
  select left(p_uri, (sum(length(p.part) + 1) over (order by p.place))::int - 1)
  from regexp_split_to_table(p_uri, '[/#]') with ordinality as p (part, place);
$$;

comment on function ingest.ingest_above(text) is 'For a/b#c: a/b#c, a/b and a: a URI, and everything that it lies below or inside.';
