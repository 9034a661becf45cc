create or replace function ingest.ingest_worked_settings(p_request ingest.ingest_requests, p_generation int) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select case when p_generation is null then p_request.settings
              else p_request.settings || ingest.ingest_generation_settings(p_request.collection, p_generation) end;
$$;

comment on function ingest.ingest_worked_settings(ingest.ingest_requests, int) is
  'What a batch is cut and embedded with: its request''s settings, or those of the generation that its documents are brought into (ingest_batches.generation).';
