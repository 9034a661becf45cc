create or replace function ingest.ingest_note_kept_out(p_request uuid, p_found ingest.ingest_found_v1[]) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- Without names or counts of them: what was forgotten is not to be written down anew.
  select jsonb_build_object(
           'code', 'forgotten', 'message', 'documents that were forgotten are there, and are kept out',
           'hint', format('If they may come back: select ingest_let_back(uri, %L);', r.collection), 'step', 'discover', 'retryable', false)
  from ingest.ingest_requests r
  where r.id = p_request and exists (select from ingest.ingest_forgotten)
    and exists (select from unnest(p_found) f where ingest.ingest_is_kept_out(r.collection, f.uri));
$$;

comment on function ingest.ingest_note_kept_out(uuid, ingest.ingest_found_v1[]) is 'What a request says of documents that it left out since they were forgotten; null: none was.';
