create or replace function ingest.ingest_channel(p_kind text) returns text
language sql immutable
return case
  when '{schema}' = 'public' then 'ingest_' || p_kind
  when octet_length('{schema}') <= 40 then '{schema}_ingest_' || p_kind
  else 'ingest_' || p_kind || '_' || md5('{schema}')  -- a channel's name has at most 63 bytes
end;

comment on function ingest.ingest_channel(text) is
  'NOTIFY channel of this installation: ingest_doorbell, ingest_commands, ingest_queries, ingest_reranks, ingest_watches or ingest_finished in public, else <schema>_ingest_… '
  '(of a schema with a long name, ingest_…_<md5 of the name>).';
