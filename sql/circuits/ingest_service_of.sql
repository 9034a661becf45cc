create or replace function ingest.ingest_service_of(p_settings jsonb) returns text
language sql immutable
return ingest.ingest_service(jsonb_populate_record(null::ingest.ingest_spaces, p_settings));

comment on function ingest.ingest_service_of(jsonb) is 'The service that embeds what a request with these settings brings.';
