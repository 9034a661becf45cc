create or replace function ingest.ingest_filter_operates(p_filter jsonb) returns boolean
language sql immutable
-- Strict: otherwise a list counts as each of its elements.
return p_filter @? 'strict $.** ? (@.type() == "object").keyvalue().key ? (@ starts with "$")';

comment on function ingest.ingest_filter_operates(jsonb) is 'Whether a filter has operators: keys that begin with $, at any depth.';
