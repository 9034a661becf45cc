create or replace function ingest.ingest_lock_key(p_name text) returns bigint
language sql immutable
return hashtextextended('ingest:{schema}:' || p_name, 0);

comment on function ingest.ingest_lock_key(text) is 'Advisory lock key of this installation.';
