create or replace function ingest.ingest_in_scope(p_scope ingest.ingest_scope_v1, p_uri text) returns boolean
language sql immutable
return case
  when (p_scope).uri is not null then ingest.ingest_covers((p_scope).uri, p_uri)
  when (p_scope).under is not null then starts_with(p_uri, (p_scope).under)
  else true end;

comment on function ingest.ingest_in_scope(ingest.ingest_scope_v1, text) is
  'Whether a document is to be forgotten, by its URI.';
