create or replace function ingest.ingest_page(p_metadata jsonb) returns int
language sql immutable
return case when p_metadata ->> 'page' ~ '^[0-9]{1,9}$' then (p_metadata ->> 'page')::int end;

comment on function ingest.ingest_page(jsonb) is 'The page that a chunk begins on, by its metadata; null: it has none.';
