create or replace function ingest_channel(p_kind text) returns text
language sql stable set search_path from current
return case
  when current_schema() = 'public' then 'ingest_' || p_kind
  when octet_length(current_schema()) <= 40 then current_schema() || '_ingest_' || p_kind
  else 'ingest_' || p_kind || '_' || md5(current_schema())  -- a channel's name has at most 63 bytes
end;

comment on function ingest_channel(text) is
  'NOTIFY channel of this installation: ingest_doorbell, ingest_commands or ingest_finished in public, else <schema>_ingest_… '
  '(of a schema with a long name, ingest_…_<md5 of the name>).';
