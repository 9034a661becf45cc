create or replace function ingest.ingest_ints(p_array jsonb) returns int[]
language sql immutable strict
return array(select jsonb_array_elements_text(p_array)::int);

comment on function ingest.ingest_ints(jsonb) is 'For listeners of the former release: a JSON array of whole numbers as an array of Postgres.';
