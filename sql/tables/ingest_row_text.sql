create or replace function ingest.ingest_row_text(p_relation oid, p_column text) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select case when ingest.ingest_is_own_type(a.atttypid) then format('t.%I::text', p_column)
              else format('case when t.%1$I is not null then format(''%%s'', t.%1$I) end', p_column) end
  from pg_attribute a where a.attrelid = p_relation and a.attname = p_column and a.attnum > 0 and not a.attisdropped;
$$;

comment on function ingest.ingest_row_text(oid, text) is
  'The expression that gives a column as text. Casts of others'' types are passed by: they would run with the owner''s rights.';
