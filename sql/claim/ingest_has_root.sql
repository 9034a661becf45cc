create or replace function ingest.ingest_has_root(p_roots text[], p_path text) returns boolean
language sql immutable
return p_path || '/' ^@ any (ingest.ingest_folders(p_roots));

comment on function ingest.ingest_has_root(text[], text) is 'Whether a path lies in one of the folders, by its name.';
