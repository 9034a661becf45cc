create or replace function ingest.ingest_key_text(p_relation oid, p_row text, p_column text) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select case when ingest.ingest_is_own_type(a.atttypid) then format('%s.%I::pg_catalog.text', p_row, p_column)
              else format('pg_catalog.format(''%%s'', %s.%I)', p_row, p_column) end
  from pg_attribute a where a.attrelid = p_relation and a.attname = p_column and a.attnum > 0 and not a.attisdropped;
$$;

comment on function ingest.ingest_key_text(oid, text, text) is
  'The expression that gives a column of a key as text, under any search path. Casts that an enum''s owner made are passed by: they would run with the owner''s rights.';
