create or replace function ingest_ints(p_array jsonb) returns int[]
language sql immutable
return case when p_array is not null then array(select jsonb_array_elements_text(p_array)::int) end;

comment on function ingest_ints(jsonb) is 'A JSON array of whole numbers as an array of Postgres; null stays null.';
