create or replace function ingest_channel(p_kind text) returns text
language sql stable set search_path from current
return left(case when current_schema() = 'public' then '' else current_schema() || '_' end || 'ingest_' || p_kind, 63);

comment on function ingest_channel(text) is
  'NOTIFY channel of this installation: ingest_doorbell, ingest_commands or ingest_finished in public, else <schema>_ingest_….';
