create or replace function ingest.ingest_chunk_settings(
  p_request uuid, out collection text, out generation int, out space_id int, out text_config regconfig, out by_language boolean
) returns record
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select r.collection, ingest.ingest_generation(r), (r.settings ->> 'space_id')::int, (r.settings ->> 'text_config')::regconfig,
         coalesce((r.settings ->> 'by_language')::boolean, false)
  from ingest.ingest_requests r where r.id = p_request;
$$;

comment on function ingest.ingest_chunk_settings(uuid) is
  'What all chunks of a request have in common. Requests share a batch only under the same settings, in one collection: any of them stands for all.';
