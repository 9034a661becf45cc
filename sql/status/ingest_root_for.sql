create or replace function ingest.ingest_root_for(p_locator text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
-- A glob and what lies inside of an archive are cut off; what ends like a file's name, too.
  select nullif(case
    when c.place ~ '^/' then
      case when c.place <> p_locator or c.place ~ E'[^/.][^/]*\\.[A-Za-z0-9]{1,8}$' then regexp_replace(c.place, '/+[^/]*$', '')
           else rtrim(c.place, '/') end
    else substring(c.place from '^([^:/]+://[^/]+(?:/(?:.*/)?)?)') end, '')
  from (select regexp_replace(p_locator, E'[*?#[].*$', '') as place) c;
$$;

comment on function ingest.ingest_root_for(text) is
  'A root that would do for what lies there: the folder, or the prefix of URLs. Null: none would, as of what lies in the top folder.';
