create or replace function ingest.ingest_folders(p_roots text[]) returns text[]
language sql immutable
return array(select rtrim(roots.root, '/') || '/' from unnest(p_roots) as roots (root));

comment on function ingest.ingest_folders(text[]) is
  'The folders, each with one slash at its end: path || ''/'' ^@ any (…) tells whether a path lies in one of them. A scan makes them once.';
