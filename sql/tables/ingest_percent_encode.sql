create or replace function ingest.ingest_percent_encode(p_text text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(string_agg(
    case when part[1] ~ '^[A-Za-z0-9_~-]+$' then part[1]
         else upper(regexp_replace(encode(convert_to(part[1], 'UTF8'), 'hex'), '(..)', E'%\\1', 'g')) end, '' order by place), '')
  from regexp_matches(p_text, '[A-Za-z0-9_~-]+|[^A-Za-z0-9_~-]+', 'g') with ordinality as parts (part, place);
$$;

comment on function ingest.ingest_percent_encode(text) is 'A text as it appears in a URI; dots are encoded, too.';
