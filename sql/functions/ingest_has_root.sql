create or replace function ingest_has_root(p_roots text[], p_path text) returns boolean
language sql immutable
return exists (
  select from unnest(p_roots) as roots (root)
  where p_path = roots.root or starts_with(p_path, rtrim(roots.root, '/') || '/'));

comment on function ingest_has_root(text[], text) is 'Whether a path lies in one of the folders, by its name.';
