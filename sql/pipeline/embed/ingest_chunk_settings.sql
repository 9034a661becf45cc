create or replace function ingest.ingest_chunk_settings(
  p_request uuid, p_batch int, out collection text, out generation int, out space_id int, out text_config regconfig, out by_language boolean,
  out is_for_others boolean
) returns record
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select r.collection, coalesce(b.generation, ingest.ingest_generation(r)), (w.settings ->> 'space_id')::int, (r.settings ->> 'text_config')::regconfig,
         coalesce((r.settings ->> 'by_language')::boolean, false), r.generation is not null
  from ingest.ingest_requests r
  left join ingest.ingest_batches b on b.request_id = r.id and b.batch = p_batch
  cross join lateral ingest.ingest_worked_settings(r.settings, r.collection, b.generation) as w (settings)
  where r.id = p_request;
$$;

comment on function ingest.ingest_chunk_settings(uuid, int) is
  'What all chunks of a batch have in common; is_for_others: they belong to revisions that its own stand for. Requests share a batch only under the same settings, in one collection: any of them stands for all.';
