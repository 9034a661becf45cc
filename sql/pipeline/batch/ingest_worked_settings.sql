create or replace function ingest.ingest_worked_settings(p_settings jsonb, p_collection text, p_generation int) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- Not of the request's row, with which all of its content would be read each time.
  select case when p_generation is null then p_settings else p_settings || ingest.ingest_generation_settings(p_collection, p_generation) end;
$$;

comment on function ingest.ingest_worked_settings(jsonb, text, int) is
  'What a batch is cut and embedded with: its request''s settings, or those of the generation that its documents are brought into (ingest_batches.generation).';
