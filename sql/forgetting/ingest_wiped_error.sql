create or replace function ingest.ingest_wiped_error(p_error jsonb) returns jsonb
language sql immutable
return case when p_error ->> 'code' = 'documents_failed' then p_error  -- a count
            else p_error || '{"message": "what it said was forgotten", "hint": ""}'::jsonb end;

comment on function ingest.ingest_wiped_error(jsonb) is 'An error without the words that may name or quote what was forgotten.';
