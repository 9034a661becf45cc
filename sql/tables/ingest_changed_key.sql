create or replace function ingest.ingest_changed_key(p_relation oid, p_row text, p_key text[]) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select case when count(*) = 1 then min(k.value) else 'pg_catalog.json_build_array(' || string_agg(k.value, ', ' order by k.place) || ')::pg_catalog.text' end
  from (select ingest.ingest_key_text(p_relation, p_row, u.name) as value, u.place from unnest(p_key) with ordinality as u (name, place)) k;
$$;

comment on function ingest.ingest_changed_key(oid, text, text[]) is 'The expression that gives a row''s key as ingest_changes holds it, under any search path.';
