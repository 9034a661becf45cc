create or replace function ingest_lock_key(p_name text) returns bigint
language sql stable set search_path from current
return hashtextextended('ingest:' || current_schema() || ':' || p_name, 0);

comment on function ingest_lock_key(text) is 'Advisory lock key of this installation.';
