create or replace function ingest.ingest_service(p_space ingest.ingest_spaces) returns text
language sql immutable
return p_space.embedder || ' ' || p_space.model || case when p_space.endpoint = '' then '' else ' at ' || p_space.endpoint end;

comment on function ingest.ingest_service(ingest.ingest_spaces) is
  'What a person calls the service that embeds into a space. Two models at one endpoint are two services.';
