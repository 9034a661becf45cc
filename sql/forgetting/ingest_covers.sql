create or replace function ingest.ingest_covers(p_whole text, p_uri text) returns boolean
language sql immutable
return p_uri = p_whole or starts_with(p_uri, p_whole || case when position('#' in p_whole) > 0 then '/' else '#' end);

comment on function ingest.ingest_covers(text, text) is
  'Whether a URI is that of a document or of what lies inside of it: attachments, members of archives and records have its own before theirs.';
