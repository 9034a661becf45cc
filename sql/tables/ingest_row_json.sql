create or replace function ingest.ingest_row_json(p_relation oid, p_column text) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select case when ingest.ingest_is_own_type(a.atttypid) then format('to_jsonb(t.%I)', p_column)
              else format('to_jsonb(%s)', ingest.ingest_row_text(p_relation, p_column)) end
  from pg_attribute a where a.attrelid = p_relation and a.attname = p_column and a.attnum > 0 and not a.attisdropped;
$$;

comment on function ingest.ingest_row_json(oid, text) is 'The expression that gives a column as JSON; of a type that is not Postgres''s own, as text.';
