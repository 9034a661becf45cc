create or replace function ingest.ingest_source_in_scope(p_scope ingest.ingest_scope_v1, p_source text) returns boolean
language sql immutable
return case
  when num_nonnulls((p_scope).uri, (p_scope).under) = 0 then true
  when (p_scope).uri is not null then
    p_source = (p_scope).uri or ingest.ingest_plain_path(ingest.ingest_locate(p_source)) = ingest.ingest_plain_path(ingest.ingest_locate((p_scope).uri))
  when ingest.ingest_locate((p_scope).under) is null then starts_with(rtrim(p_source, '/') || '/', (p_scope).under)
  else starts_with(rtrim(ingest.ingest_plain_path(ingest.ingest_locate(p_source)), '/') || '/',
                   ingest.ingest_plain_path(ingest.ingest_locate((p_scope).under))) end;

comment on function ingest.ingest_source_in_scope(ingest.ingest_scope_v1, text) is
  'Whether a source names nothing but what is to be forgotten: it is that document, or lies under that prefix.';
