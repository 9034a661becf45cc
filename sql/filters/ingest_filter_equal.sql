create or replace function ingest.ingest_filter_equal(p_at text, p_value jsonb) returns text
language sql immutable
return case when p_value = 'null' then format('%s == null || !exists(%1$s)', p_at) else format('%s == %s', p_at, p_value) end;

comment on function ingest.ingest_filter_equal(text, jsonb) is 'That a value is present, as a jsonpath; null: a missing one counts as equal, too.';
