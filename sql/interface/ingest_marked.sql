create or replace function ingest.ingest_marked(text text, places int4range[], before text default '**', after text default '**') returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(string_agg(
      substr(ingest_marked.text, p.upto + 1, lower(p.place) - p.upto) || ingest_marked.before
      || substr(ingest_marked.text, lower(p.place) + 1, upper(p.place) - lower(p.place)) || ingest_marked.after, '' order by p.place), '')
    || substr(ingest_marked.text, coalesce(max(upper(p.place)), 0) + 1)
  from (
    select u.place, coalesce(lag(upper(u.place)) over (order by u.place), 0) as upto
    from unnest((select range_agg(g.place) from unnest(places) as g (place) where g.place <@ int4range(0, length(ingest_marked.text)))) as u (place)) p;
$$;

comment on function ingest.ingest_marked(text, int4range[], text, text) is
  'A text with marks around places in it, as ingest_highlight finds them. The text is not changed otherwise: escape it for HTML before, or use the places.';
